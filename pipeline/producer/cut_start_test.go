package producer_test

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/producer"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// An input that begins in the middle of a stream knows from the markers before it which cut comes next, also if none has come since.
func TestCutsBeforeTheBeginning(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CB", Subjects: []string{"cb.>"}, AllowAtomicPublish: true}); err != nil {
		t.Fatal(err)
	}
	shards := []string{"cb.a", "cb.b"}
	put := func(texts ...string) {
		t.Helper()
		for _, text := range texts {
			if _, err := js.Publish(t.Context(), "cb."+text[:1], []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	cut := func(n uint64) {
		t.Helper()
		if err := producer.Cut(t.Context(), srv.Conn(t), "CB", shards, n); err != nil {
			t.Fatal(err)
		}
	}
	put("a1", "b1") // 1, 2
	cut(1)          // 3, 4
	put("a2", "b2") // 5, 6
	cut(2)          // 7, 8
	put("a3", "b3") // 9, 10
	froms := map[string]struct {
		from pipeline.Source[string]
		want map[string]string
	}{
		"new":    {pipeline.Source[string]{StartNew: true}, map[string]string{"cut 3": "a4 b4", "cut 4": "a5"}},
		"seq":    {pipeline.Source[string]{StartSequence: 6}, map[string]string{"cut 2": "b2", "cut 3": "a3 a4 b3 b4", "cut 4": "a5"}},
		"middle": {pipeline.Source[string]{StartSequence: 8}, map[string]string{"cut 3": "a3 a4 b3 b4", "cut 4": "a5"}},
		"first":  {pipeline.Source[string]{StartSequence: 2}, map[string]string{"cut 1": "b1", "cut 2": "a2 b2", "cut 3": "a3 a4 b3 b4", "cut 4": "a5"}},
	}
	var monitors []*pipeline.Monitor
	type ended struct {
		name string
		got  map[string]string
		err  error
	}
	all := make(chan ended, len(froms))
	for name, c := range froms {
		var mu sync.Mutex
		got := map[string]string{}
		p := pipeline.New("cb-" + name)
		c.from.Stream, c.from.Subjects, c.from.Decode, c.from.Cuts = "CB", shards, pipeline.Text, true
		heard := operators.Distinct("heard", operators.Window(operators.KeyBy(pipeline.Read(p, "in", c.from), "all", func(string) string { return "all" }), operators.Cuts()), strings.Clone)
		pipeline.Write(p, "out", operators.Finals(operators.Seal(heard, operators.RecordedCut())), sinks.Func{Name: "test", Do: func(_ context.Context, r sinks.Record) error {
			mu.Lock()
			defer mu.Unlock()
			got[r.Window] = string(r.Payload)
			return nil
		}}, func(f operators.Final[string, crdt.GSet[string]]) ([]byte, error) {
			return []byte(strings.Join(slices.Sorted(f.Value.All()), " ")), nil
		})
		monitor := new(pipeline.Monitor)
		monitors = append(monitors, monitor)
		conn := srv.Conn(t)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := p.Run(ctx, pipeline.Config{Conn: conn, Monitor: monitor, Logger: slog.New(slog.DiscardHandler)})
			if err == nil {
				err = ctx.Err()
			}
			all <- ended{name, got, err}
		}()
	}
	natstest.Eventually(t, "all run, or have ended", func() bool {
		n := len(all)
		for _, m := range monitors {
			if m.Running() {
				n++
			}
		}
		return n >= len(froms)
	})
	put("a4", "b4")
	cut(3)
	put("a5")
	for _, s := range shards {
		if _, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: s, Header: nats.Header{"Calm-Seal": {"end"}}}); err != nil {
			t.Fatal(err)
		}
	}
	for range froms {
		e := <-all
		if want := froms[e.name].want; e.err != nil || !maps.Equal(e.got, want) {
			t.Errorf("%s: got %v, %v; want %v", e.name, e.got, e.err, want)
		}
	}
}
