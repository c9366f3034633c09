package pipeline_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

// A destination that is written to once in an hour has, at each checkpoint, the newest bound of each key up to there, and of those between
// two checkpoints no other. So it has the last one also when the pipeline ends, and at a checkpoint while it runs.
func TestCoalesceInAPipeline(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "co", 1)
	p := pipeline.New("co")
	words := pipeline.Read(p, "words", pipeline.Source[string]{Stream: "co", Decode: pipeline.Text})
	counts := operators.Count("counts", operators.KeyBy(words, "word", func(w string) string { return w }))
	pipeline.Write(p, "each", operators.Bounds(counts, crdt.CountOf(), crdt.CountOf(), 1),
		sinks.Coalesce{To: sinks.Subject{Name: "co.each", Stream: "co_EACH"}, Every: time.Hour},
		func(b operators.Bound[string, crdt.Max[uint64]]) ([]byte, error) {
			return fmt.Append(nil, b.Progress), nil
		})
	const keys, half = 5, 200
	feed := func() {
		for i := range keys * half {
			in.put(t, 0, fmt.Sprint("w", i%keys))
		}
	}
	newest := func() (all map[string]int, count int) {
		all = make(map[string]int)
		for _, m := range stored(t, js, "co_EACH") {
			var n int
			if _, err := fmt.Sscan(string(m.Data), &n); err != nil {
				t.Fatal(err)
			}
			key := m.Header.Get(sinks.KeyHeader)
			all[key], count = max(all[key], n), count+1
		}
		return all, count
	}
	feed()
	var monitor pipeline.Monitor
	ended := make(chan error, 1)
	go func() {
		ended <- p.Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Monitor: &monitor, CheckpointEvery: time.Second, Logger: quiet})
	}()
	committed := func(n uint64) func() bool {
		return func() bool { s := monitor.Shards(); return len(s) == 1 && s[0].Committed >= n }
	}
	check := func(want int) {
		t.Helper()
		got, count := newest()
		for key := range keys {
			if n := got[fmt.Sprint("w", key)]; n != want {
				t.Errorf("the newest bound of w%d is %d, want %d", key, n, want)
			}
		}
		if count >= keys*want/10 {
			t.Errorf("%d bounds are stored, of %d: nothing was left out", count, keys*want)
		}
	}
	natstest.Eventually(t, "all is in a checkpoint", committed(keys*half))
	check(half)
	feed()
	in.end(t)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	check(2 * half)
}
