package pipeline_test

import (
	"context"
	"fmt"
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

// viewed counts words and shows the counts as they grow.
func viewed(name string, shards int) *pipeline.Pipeline {
	p := pipeline.New(name)
	s := pipeline.Source[string]{Stream: name, Decode: pipeline.Text}
	for i := range shards {
		s.Subjects = append(s.Subjects, fmt.Sprintf("%s.in.%d", name, i))
	}
	counts := operators.Count("counts", operators.KeyBy(pipeline.Read(p, "words", s), "word", func(w string) string { return w }))
	encode := func(b operators.Bound[string, crdt.Max[uint64]]) ([]byte, error) {
		return fmt.Append(nil, b.Progress), nil
	}
	pipeline.Write(p, "view", operators.Bounds(counts, crdt.CountOf(), crdt.CountOf(), 1), sinks.View{Bucket: name + "_view"}, encode)
	pipeline.Write(p, "each", operators.Bounds(counts, crdt.CountOf(), crdt.CountOf(), 10), sinks.Subject{Name: name + ".each", Stream: name + "_EACH"}, encode)
	return p
}

// Two owners run to the end and a third is stopped and started again, from checkpoints behind what was shown: a watcher of the view sees
// each word grow and never shrink, until it has its exact count, and the stream has each bound once.
func TestViewOfOverlappingOwners(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 2} {
		t.Run(fmt.Sprintf("shards=%d", shards), func(t *testing.T) {
			t.Parallel()
			srv := natstest.Run(t)
			js := srv.JetStream(t)
			in := newInput(t, js, "view", shards)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var owners sync.WaitGroup
			for i := range 3 {
				conn := srv.Conn(t)
				owners.Go(func() {
					for ctx.Err() == nil {
						run, stop := ctx, context.CancelFunc(func() {})
						if i == 2 {
							run, stop = context.WithTimeout(ctx, 300*time.Millisecond)
						}
						err := viewed("view", shards).Run(run, pipeline.Config{Conn: conn, Standbys: 2, CheckpointEvery: 50 * time.Millisecond, Logger: quiet})
						ended := run.Err() == nil
						stop()
						if err != nil {
							t.Errorf("owner %d: %v", i, err)
							return
						}
						if ended {
							return
						}
					}
				})
			}
			const words = 7
			last := 300
			if testing.Short() {
				last = 100
			}
			natstest.Eventually(t, "the view is made", func() bool {
				_, err := js.KeyValue(ctx, "view_view")
				return err == nil
			})
			kv, err := js.KeyValue(ctx, "view_view")
			if err != nil {
				t.Fatal(err)
			}
			watch, err := kv.WatchAll(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for i := range words * last {
				in.put(t, i, fmt.Sprintf("w%d", i%words))
			}
			in.end(t)
			sawGrow(t, watch, words, last)
			owners.Wait()
			if err := watch.Stop(); err != nil {
				t.Error(err)
			}
			if got := len(stored(t, js, "view_EACH")); got != words*last/10 {
				t.Errorf("%d bounds are stored, want %d", got, words*last/10)
			}
		})
	}
}

// sawGrow watches until all words have their last count.
func sawGrow(t *testing.T, watch jetstream.KeyWatcher, words, last int) {
	t.Helper()
	seen, complete, updates := map[string]int{}, 0, 0
	for complete < words {
		var entry jetstream.KeyValueEntry
		var open bool
		select {
		case entry, open = <-watch.Updates():
			if !open {
				t.Fatalf("the watch has ended, and only %v came", seen)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("only %v came", seen)
		}
		if entry == nil {
			continue // the values of the beginning are through
		}
		var now int
		if _, err := fmt.Sscan(string(entry.Value()), &now); err != nil || now <= seen[entry.Key()] || now > last {
			t.Fatalf("%s: %q came behind %d, %v", entry.Key(), entry.Value(), seen[entry.Key()], err)
		}
		if seen[entry.Key()], updates = now, updates+1; now == last {
			complete++
		}
	}
	if updates <= words {
		t.Error("only last values came: the test proves nothing")
	}
}
