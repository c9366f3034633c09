package shard_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

// An owner that has lost a race to one further ahead, and whose log is truncated before it catches up, has lost
// nothing: the checkpoint that it has seen covers what is gone.
func TestTruncatedBelowTheWinner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		gate := make(chan struct{})
		laggard := w.owner("laggard")
		laggard.Every = time.Hour // it does not look again before the truncation
		w.stopsAt(laggard, 1, gate)
		commit := make(chan struct{})
		laggard.Store = &slowStore{w.store, commit}
		ended := make(chan error, 1)
		go func() { ended <- runs(t, laggard) }()
		w.stream.put("a", "b", "c")
		time.Sleep(200 * time.Millisecond) // a commit at 1 is under way
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
		defer stop()
		if err := shard.Run(ctx, w.owner("other")); err != nil {
			t.Fatal(err)
		}
		close(commit) // and loses
		synctest.Wait()
		if n := laggard.Stats.Conflicts.Load(); n != 1 {
			t.Fatalf("%d conflicts", n)
		}
		w.stream.truncate(3)
		close(gate)
		w.stream.put("d", "END")
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		w.expect(t, `map[out global "a":1 out global "b":1 out global "c":1 out global "d":1]`)
	})
}

// A fence that names a segment which is not there is damage, not a reader that was too slow.
func TestMissingSegmentIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stream.put("a", "b")
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := shard.Run(ctx, w.owner("one")); err != nil {
			t.Fatal(err)
		}
		if err := w.store.Remove(t.Context(), checkpoint.ShardID{Stage: "in"}, w.fence(t).Segments); err != nil {
			t.Fatal(err)
		}
		ctx, stop = context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := shard.Run(ctx, w.owner("two")); !errors.Is(err, checkpoint.ErrSegmentGone) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTruncatedLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stream.put("a", "b")
		w.stream.truncate(1)
		err := runs(t, w.owner("one"))
		if !errors.Is(err, shard.ErrTruncated) || !strings.Contains(err.Error(), "stage in, shard 0") {
			t.Errorf("without a checkpoint: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) { // purged below a newer checkpoint: no loss
		w := newWorld(t)
		ctx, stop := context.WithCancel(t.Context())
		gate := make(chan struct{})
		slow := w.owner("slow")
		w.stopsAt(slow, 0, gate)
		ended := make(chan error, 2)
		go func() { ended <- runs(t, slow) }()
		synctest.Wait()
		w.stream.put("a", "b", "a")
		go func() { ended <- shard.Run(ctx, w.owner("fast")) }()
		time.Sleep(time.Second)
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		w.stream.truncate(3)
		close(gate)
		w.stream.put("END")
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		w.expect(t, `map[out global "a":2 out global "b":1]`)
	})
}

// Finals that were computed from a log with a hole never leave.
func TestNoFinalFromATruncatedLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.owner("one")
		e.OpenLog = func(_ context.Context, at checkpoint.Position) (shard.Log, error) {
			w.stream.put("a", "b", "END")
			log := &reader{stream: w.stream, position: at.Seq + 1} // "a" was skipped without a word
			w.stream.truncate(1)
			return log, nil
		}
		if err := runs(t, e); !errors.Is(err, shard.ErrTruncated) {
			t.Errorf("got %v", err)
		}
		w.expect(t, `map[]`)
	})
}

func TestRecreatedInputIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stream.put("a", "END")
		if err := runs(t, w.owner("one")); err != nil {
			t.Fatal(err)
		}
		e := w.owner("two")
		e.Start.Incarnation = 2
		err := runs(t, e)
		if err == nil || !strings.Contains(err.Error(), "deleted and made again") {
			t.Errorf("got %v", err)
		}
	})
}

// A checkpoint is no proof of more than was read: none is taken over a hole either.
func TestNoCheckpointOverAHole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.owner("one")
		e.OpenLog = func(_ context.Context, at checkpoint.Position) (shard.Log, error) {
			w.stream.put("a", "b")
			log := &reader{stream: w.stream, position: at.Seq + 1} // "a" was skipped without a word
			w.stream.truncate(1)
			return log, nil
		}
		if err := runs(t, e); !errors.Is(err, shard.ErrTruncated) {
			t.Errorf("got %v", err)
		}
		if f := w.fence(t); f.Position.Seq != 0 {
			t.Errorf("a checkpoint at %d", f.Position.Seq)
		}
	})
}

// A certificate says what was sealed for good, so that it too needs the whole log, also where no result comes of the seal.
func TestNoCertificateFromATruncatedLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := pipeline.New("silent")
		words := pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Decode: pipeline.Text})
		counts := operators.Count("counts", operators.KeyBy(words, "word", strings.ToLower))
		none := operators.Filter(operators.Finals(operators.Seal(counts, operators.EndOfInput())), func(operators.Final[string, crdt.GCounter]) bool { return false })
		pipeline.Write(p, "out", none, sinks.Func{Name: "out"}, func(operators.Final[string, crdt.GCounter]) ([]byte, error) { return nil, nil })
		var err error
		if w.plan, err = p.Plan(); err != nil {
			t.Fatal(err)
		}
		e := w.owner("one")
		e.OpenLog = func(_ context.Context, at checkpoint.Position) (shard.Log, error) {
			w.stream.put("a", "b", "END")
			log := &reader{stream: w.stream, position: at.Seq + 1} // "a" was skipped without a word
			w.stream.truncate(1)
			return log, nil
		}
		if err := runs(t, e); !errors.Is(err, shard.ErrTruncated) {
			t.Errorf("got %v", err)
		}
		if n := w.outlet.certificates; n != 0 {
			t.Errorf("%d certificates", n)
		}
	})
}
