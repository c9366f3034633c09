package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// limited runs a server whose only account has limits.
func limited(t *testing.T, limits string) *natstest.Server {
	t.Helper()
	return natstest.Run(t, func(o *server.Options) {
		text := fmt.Sprintf("accounts { LIMITED { jetstream { %s }, users [ { user: u, password: p } ] } }, no_auth_user: u", limits)
		if err := o.ProcessConfigString(text); err != nil {
			t.Fatal(err)
		}
	})
}

// textLog is a log that is read while it is written.
type textLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *textLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *textLog) says(words ...string) func() bool {
	return func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, word := range words {
			if !strings.Contains(l.text.String(), word) {
				return false
			}
		}
		return true
	}
}

// An account that may have no more streams is an error at the start, with the stream that cannot be made and what to do.
func TestAccountWithoutStreams(t *testing.T) {
	t.Parallel()
	for streams, want := range map[int]string{1: "KV_calm_ls", 2: "CALM_DLQ_ls", 3: "CALM_SEALS_ls", 4: "ls_OFTEN"} {
		srv := limited(t, fmt.Sprint("max_streams: ", streams))
		in := newInput(t, srv.JetStream(t), "ls", 1)
		in.put(t, 0, "a")
		in.end(t)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		err := wordcount("ls", 1, 2).Run(ctx, pipeline.Config{Conn: srv.Conn(t), Logger: quiet})
		for _, word := range []string{want, "max_streams of the account"} {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("with %d streams: %v, want %q", streams, err, word)
			}
		}
	}
}

// An account without room for another consumer is waited for, and said with what to do; nothing is missing afterwards.
func TestAccountWithoutConsumers(t *testing.T) {
	t.Parallel()
	srv := limited(t, "max_consumers: 1")
	js := srv.JetStream(t)
	in := newInput(t, js, "lc", 1)
	want := map[string]uint64{"a": 30}
	for range 30 {
		in.put(t, 0, "a")
	}
	in.end(t)
	if _, err := js.CreateConsumer(t.Context(), "lc", jetstream.ConsumerConfig{Name: "other"}); err != nil {
		t.Fatal(err)
	}
	var text textLog
	ended := make(chan error, 1)
	go func() {
		ended <- wordcount("lc", 1, 99).Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Logger: slog.New(slog.NewTextHandler(&text, nil))})
	}()
	natstest.Eventually(t, "it says what it waits for", text.says("max_consumers", "lc"))
	if err := js.DeleteConsumer(t.Context(), "lc", "other"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := finalCounts(t, js, "lc_OUT"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// An account whose storage is used up is waited for by results and checkpoints, and said; nothing is missing afterwards, and nothing comes twice.
func TestAccountWithoutStorage(t *testing.T) {
	t.Parallel()
	srv := limited(t, "max_file: 4MB")
	js := srv.JetStream(t)
	in := newInput(t, js, "lf", 1)
	want := map[string]uint64{}
	put := func() {
		for i := range 50 {
			in.put(t, 0, fmt.Sprint("w", i%10))
			want[fmt.Sprint("w", i%10)]++
		}
	}
	put()
	var text textLog
	var monitor pipeline.Monitor
	ended := make(chan error, 1)
	hold, holding := make(chan struct{}), make(chan struct{}, 100)
	decode := func(m *pipeline.Message) (string, error) {
		holding <- struct{}{}
		<-hold
		return string(m.Data), nil
	}
	go func() {
		ended <- counting("lf", pipeline.Source[string]{Stream: "lf", Subjects: []string{"lf.in.0"}, Decode: decode}).Run(t.Context(), pipeline.Config{
			Conn: srv.Conn(t), Monitor: &monitor, CheckpointEvery: 20 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&text, nil)),
		})
	}()
	<-holding
	in.end(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ballast", Subjects: []string{"ballast"}}); err != nil {
		t.Fatal(err)
	}
	for size := 256 << 10; size > 16; { // to the last byte
		if _, err := js.Publish(t.Context(), "ballast", make([]byte, size)); err != nil {
			size /= 2
		}
	}
	close(hold)
	natstest.Eventually(t, "results and checkpoints wait", text.says("resource limits exceeded for account", "subject lf.out", "bucket=calm_lf"))
	if err := js.DeleteStream(t.Context(), "ballast"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := finalCounts(t, js, "lf_OUT"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
