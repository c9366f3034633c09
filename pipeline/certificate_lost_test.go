package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

// guarded is a buffer that several may write to.
type guarded struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (g *guarded) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buf.Write(p)
}

func (g *guarded) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buf.String()
}

// Whoever deletes the certificates of a running pipeline does not stop it: their stream is made again, with a warning, and has those to come.
func TestCertificatesAreDeleted(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "lost", 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	log := new(guarded)
	monitor := new(pipeline.Monitor)
	done := make(chan error, 1)
	conn := srv.Conn(t)
	go func() {
		done <- clicks("lost", 1).Run(ctx, pipeline.Config{Conn: conn, Logger: slog.New(slog.NewTextHandler(log, nil)), Monitor: monitor})
	}()
	in.click(t, "a", 1)
	in.click(t, "a", 25)
	for { // the window from 0 is sealed
		stream, err := js.Stream(ctx, "CALM_SEALS_lost")
		if err == nil && stream.CachedInfo().State.Msgs > 0 {
			break
		}
		if ctx.Err() != nil {
			t.Fatal("there is no certificate")
		}
	}
	if err := js.DeleteStream(ctx, "CALM_SEALS_lost"); err != nil {
		t.Fatal(err)
	}
	in.click(t, "a", 45)
	in.end(t)
	if err := <-done; err != nil || ctx.Err() != nil {
		t.Fatalf("%v, %v\n%s", err, ctx.Err(), log)
	}
	windows := certificatesOf(t, srv, "lost")
	if len(windows) != 2 {
		t.Errorf("certificates: %v", windows)
	}
	if text := log.String(); strings.Count(text, "was deleted and has been made again") != 1 {
		t.Error(text)
	}
}

// Sessions, and what is complete by what it holds, have certificates that can be read.
func TestCertificatesOfKeysAreStored(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	in := newInput(t, srv.JetStream(t), "keys", 1)
	for i := range 30 {
		in.click(t, fmt.Sprint("ad", i%3), i)
	}
	in.end(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := sealedByKey("keys").Run(ctx, pipeline.Config{Conn: srv.Conn(t), Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	var texts []string
	err := pipeline.Certificates(ctx, srv.Conn(t), "keys", func(c pipeline.Certificate) bool {
		if c.Keys != 3 || c.Kind == "evidence" && (c.First != 1 || c.Last != 4095 || len(c.Registry) > 0) || c.Kind == "sessions" && len(c.Registry) != 1 {
			t.Errorf("%+v", c)
		}
		texts = append(texts, c.String())
		return true
	})
	text := strings.Join(texts, "\n")
	for _, want := range []string{
		"3 sessions of state visits that end in 20", "are sealed in shard clicks/0", "by event-time watermark, lateness 1s",
		"3 keys of state many were complete at positions 1 to 4095 of shard clicks/0", "by evidence in the state: count >= 5",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if err != nil || t.Failed() {
		t.Errorf("%v\n%s", err, text)
	}
}

// sealedByKey has two states whose keys are sealed one by one.
func sealedByKey(name string) *pipeline.Pipeline {
	p := pipeline.New(name)
	events := pipeline.Read(p, "clicks", pipeline.Source[click]{Stream: name, Decode: pipeline.JSON[click], Time: click.time})
	byAd := operators.KeyBy(events, "ad", func(c click) string { return c.Ad })
	visits := operators.Count("visits", operators.Window(byAd, operators.Sessions(5*time.Second)))
	many := operators.Count("many", byAd)
	write := func(name string, sealed operators.Sealed[string, crdt.GCounter]) {
		nothing := sinks.Func{Name: name, Do: func(context.Context, sinks.Record) error { return nil }}
		pipeline.Write(p, name, operators.Finals(sealed), nothing, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
			return fmt.Append(nil, f.Value.Value()), nil
		})
	}
	write("visits", operators.Seal(visits, operators.Watermark(time.Second)))
	write("many", operators.SealWhen(many, crdt.AtLeast(5)))
	return p
}
