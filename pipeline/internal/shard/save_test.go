package shard_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// A checkpoint costs what changed: with 100,000 keys and 100 that change between two checkpoints, a thousand of them write some times what
// they have to say, however many segments that makes, and the whole state again only once as much has changed.
func TestCheckpointCostsWhatChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.owner("one")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- shard.Run(ctx, e) }()
		const keys, changed, rounds = 100_000, 100, 1000
		put := func(from, n int) {
			var text strings.Builder
			for i := from; i < from+n; i++ {
				fmt.Fprintf(&text, "key-%06d ", i%keys)
			}
			w.stream.put(text.String())
			time.Sleep(1100 * time.Millisecond)
			synctest.Wait()
		}
		put(0, keys)
		base := e.Stats.CheckpointBytes.Load()
		put(0, changed)
		one := e.Stats.CheckpointBytes.Load() - base
		if base < 1_000_000 || one == 0 || one > base/(keys/changed)*2 {
			t.Errorf("%d keys took %d bytes, and %d of them %d", keys, base, changed, one)
		}
		most, segments := uint64(0), 0
		for round := range rounds {
			before := e.Stats.CheckpointBytes.Load()
			put(round*changed*7, changed)
			most = max(most, e.Stats.CheckpointBytes.Load()-before)
			segments = max(segments, len(w.fence(t).Segments))
		}
		if all := e.Stats.CheckpointBytes.Load() - base; all > 12*one*rounds {
			t.Errorf("%d checkpoints wrote %d bytes, %.1f times what changed", rounds, all, float64(all)/float64(one*rounds))
		} else {
			t.Logf("%d checkpoints of %d bytes wrote %.1f times that, at most %d bytes, in at most %d segments", rounds, one, float64(all)/float64(one*rounds), most, segments)
		}
		if segments > 33 {
			t.Errorf("a fence names %d segments", segments)
		}
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		w.stream.put("END")
		if err := runs(t, w.owner("two")); err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, count := range w.outlet.results {
			n := 0
			if _, err := fmt.Sscan(count, &n); err != nil {
				t.Fatal(err)
			}
			total += n
		}
		if want := keys + changed*(rounds+1); total != want || len(w.outlet.results) != keys {
			t.Errorf("%d words in %d keys, want %d in %d", total, len(w.outlet.results), want, keys)
		}
	})
}

// How long the state took to load, and its size, are told.
func TestRestoreIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stream.put("a b c")
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		first := w.owner("one")
		if err := shard.Run(ctx, first); err != nil {
			t.Fatal(err)
		}
		if took, size := first.Stats.Restored.Load(), first.Stats.RestoredBytes.Load(); took != 0 || size != 0 {
			t.Errorf("the first owner restored %d bytes in %d ns", size, took)
		}
		f := w.fence(t)
		want := int64(len(f.Meta))
		for _, ref := range f.Segments {
			want += ref.Bytes
		}
		w.store.Fault = func(op string) error {
			if op == checkpoint.OpRead {
				time.Sleep(3 * time.Second)
			}
			return nil
		}
		w.stream.put("END")
		second := w.owner("two")
		if err := runs(t, second); err != nil {
			t.Fatal(err)
		}
		took, size := time.Duration(second.Stats.Restored.Load()), second.Stats.RestoredBytes.Load()
		if least := time.Duration(len(f.Segments)) * 3 * time.Second; took < least || size != want {
			t.Errorf("restored %d bytes in %s, want %d in %s at least", size, took, want, least)
		}
	})
}

// What an owner left that ended before its fence is looked for with the checkpoint that is loaded, and with the first own one, which is
// newer than all that was left.
func TestSweepWithTheFirstCheckpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var mu sync.Mutex
		var at []uint64
		run := func(name string, texts ...string) {
			e := w.owner(name)
			e.Sweep = func(_ context.Context, l checkpoint.Loaded) {
				mu.Lock()
				defer mu.Unlock()
				at = append(at, l.Fence.Position.Seq)
			}
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			go func() {
				for _, text := range texts {
					w.stream.put(text)
					time.Sleep(5 * time.Second)
				}
			}()
			if err := shard.Run(ctx, e); err != nil {
				t.Error(err)
			}
		}
		run("one", "a", "b", "c")
		run("two", "d", "e")
		if got := fmt.Sprint(at); got != "[1 3 4]" {
			t.Errorf("swept with the checkpoints at %s, want [1 3 4]", got)
		}
	})
}
