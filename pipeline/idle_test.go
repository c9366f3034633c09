package pipeline_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

// A shard to which nothing comes holds back no window for ever, if the input has an idle policy: two owners give up on it, by
// a message in its own log, which a later run reads as they did. A record that comes behind it is late, and in no result.
func TestIdleShard(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "IDLE", Subjects: []string{"idle.>"}}); err != nil {
		t.Fatal(err)
	}
	put := func(subject string, at time.Time) {
		t.Helper()
		if _, err := js.Publish(t.Context(), subject, []byte(at.Format(time.RFC3339Nano))); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	got := map[string]string{}
	build := func() *pipeline.Pipeline {
		p := pipeline.New("idle")
		in := pipeline.Read(p, "in", pipeline.Source[time.Time]{
			Stream: "IDLE", Subjects: []string{"idle.busy.*", "idle.silent.>"}, Idle: 300 * time.Millisecond,
			Decode: func(m *pipeline.Message) (time.Time, error) { return time.Parse(time.RFC3339Nano, string(m.Data)) },
			Time:   func(at time.Time) time.Time { return at },
		})
		counts := operators.Count("counts", operators.Window(operators.KeyBy(in, "all", func(time.Time) string { return "all" }), operators.Tumbling(time.Hour)))
		pipeline.Write(p, "out", operators.Finals(operators.Seal(counts, operators.Watermark(0))), sinks.Func{Name: "idle", Do: func(_ context.Context, r sinks.Record) error {
			mu.Lock()
			defer mu.Unlock()
			if before, ok := got[r.Window]; ok && before != string(r.Payload) {
				return fmt.Errorf("%s: %s and %s: %w", r.Window, before, r.Payload, sinks.ErrPermanent)
			}
			got[r.Window] = string(r.Payload)
			return nil
		}}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
			return fmt.Append(nil, f.Value.Value()), nil
		})
		return p
	}
	results := func() map[string]string {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(got)
	}
	first := time.Now().Add(-5 * time.Hour).Truncate(time.Hour)
	for i := range 3 {
		put("idle.busy.a", first.Add(time.Duration(i)*time.Minute))
	}
	put("idle.busy.a", first.Add(90*time.Minute))

	ctx, stop := context.WithCancel(t.Context())
	var owners sync.WaitGroup
	for range 2 {
		conn := srv.Conn(t)
		owners.Go(func() {
			if err := build().Run(ctx, pipeline.Config{Conn: conn, Standbys: 1, Logger: quiet}); err != nil {
				t.Error(err)
			}
		})
	}
	natstest.Eventually(t, "both windows of the busy shard", func() bool { return len(results()) == 2 })
	put("idle.silent.b", first.Add(2*time.Minute)) // the shard is not as idle as it was thought to be
	natstest.Eventually(t, "the late record", func() bool { return len(rejected(t, js, "idle", "late")) == 1 })
	stop()
	owners.Wait()

	// Who begins anew reads the decisions where they are.
	again := build()
	again.Version = "again"
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	mu.Lock()
	want := maps.Clone(got)
	clear(got)
	mu.Unlock()
	var monitor pipeline.Monitor
	conn := srv.Conn(t)
	owners.Go(func() {
		if err := again.Run(ctx, pipeline.Config{Conn: conn, Logger: quiet, Monitor: &monitor}); err != nil {
			t.Error(err)
		}
	})
	natstest.Eventually(t, "the same windows again", func() bool { return maps.Equal(results(), want) })
	natstest.Eventually(t, "the same late record again", func() bool {
		late := uint64(0)
		for _, s := range monitor.Shards() {
			late += s.Late
		}
		return late == 1
	})
	stop()
	owners.Wait()
	for window, n := range want {
		if n != "3" && strings.HasPrefix(window, first.UTC().Format("2006-01-02T15")) {
			t.Errorf("%s: %s", window, n)
		}
	}
	if text, err := build().Explain(); err != nil || !strings.Contains(text, "a shard that is silent for 300ms is complete up to then") {
		t.Errorf("%v\n%s", err, text)
	}
}
