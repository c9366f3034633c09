package producer_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/producer"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Cuts that are made while others publish are between the same two records for all shards, and each result is what the stream
// holds before its cut.
func TestCut(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "MOVES", Subjects: []string{"moves.>"}, AllowAtomicPublish: true})
	if err != nil {
		t.Fatal(err)
	}
	shards := []string{"moves.a.*", "moves.b.>"}
	var publishers sync.WaitGroup
	for _, shard := range []string{"moves.a.x", "moves.b.y.z"} {
		publishers.Go(func() {
			for range 300 {
				if _, err := js.Publish(t.Context(), shard, []byte("1")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for n := range uint64(5) {
		for range 1 + n%2 { // a call that is repeated changes nothing
			if err := producer.Cut(t.Context(), srv.Conn(t), "MOVES", shards, n+1); err != nil {
				t.Fatal(err)
			}
		}
	}
	publishers.Wait()
	want := map[string]string{}
	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	moves, cut := 0, 0
	for seq := uint64(1); seq <= info.State.LastSeq; seq++ {
		m, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		var number int
		if _, err := fmt.Sscan(m.Header.Get("Calm-Cut"), &number); err != nil {
			moves++
		} else if number > cut {
			cut = number
			want[fmt.Sprint("cut ", number)] = fmt.Sprint(moves)
		}
	}
	want["cut 6"] = "600" // the end
	for _, subject := range []string{"moves.a.end", "moves.b.end"} {
		if _, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: subject, Header: nats.Header{"Calm-Seal": {"end"}}}); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	got := map[string]string{}
	p := pipeline.New("moves")
	in := pipeline.Read(p, "moves", pipeline.Source[string]{Stream: "MOVES", Subjects: shards, Decode: pipeline.Text, Cuts: true})
	counts := operators.Count("counts", operators.Window(operators.KeyBy(in, "all", func(string) string { return "all" }), operators.UpToCut()))
	pipeline.Write(p, "out", operators.Finals(operators.Seal(counts, operators.RecordedCut())), sinks.Func{Name: "test", Do: func(_ context.Context, r sinks.Record) error {
		mu.Lock()
		defer mu.Unlock()
		got[r.Window] = string(r.Payload)
		return nil
	}}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Append(nil, f.Value.Value()), nil
	})
	if err := p.Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	for cut, n := range want { // a cut at which nothing has changed has no result
		if got[cut] == "" {
			got[cut] = n
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What cannot be a cut is refused, with what to do.
func TestCutMistakes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	conn := f.server.Conn(t)
	for want, call := range map[string]func() error{
		"no connection":          func() error { return producer.Cut(t.Context(), nil, "ORDERS", shards, 1) },
		"a number from 1":        func() error { return producer.Cut(t.Context(), conn, "ORDERS", shards, 0) },
		"stream not found":       func() error { return producer.Cut(t.Context(), conn, "ELSEWHERE", shards, 1) },
		"set AllowAtomicPublish": func() error { return producer.Cut(t.Context(), conn, "ORDERS", shards, 1) },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
