package shard_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

func TestRunToTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stream.put("a b", "a", "END", "behind the end")
		e := w.owner("one")
		if err := runs(t, e); err != nil {
			t.Fatal(err)
		}
		w.expect(t, `map[out global "a":2 out global "b":1]`)
		if f := w.fence(t); !f.Done || f.Position.Seq != 3 {
			t.Errorf("fence %+v", f)
		}
		again := w.owner("two") // a finished shard is not run again
		again.OpenLog = func(context.Context, checkpoint.Position) (shard.Log, error) { return nil, errors.New("opened") }
		if err := runs(t, again); err != nil || !again.Stats.Done.Load() {
			t.Errorf("second run: %v", err)
		}
	})
}

func TestFirstCheckpointComesSoonAndThenEachInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- shard.Run(ctx, w.owner("one")) }()
		time.Sleep(time.Hour)
		if f := w.fence(t); f.Position.Seq != 0 {
			t.Errorf("a checkpoint of nothing: %+v", f)
		}
		w.stream.put("a")
		time.Sleep(101 * time.Millisecond)
		synctest.Wait()
		if f := w.fence(t); f.Position.Seq != 1 {
			t.Errorf("100 ms after the first record the checkpoint is at %d", f.Position.Seq)
		}
		w.stream.put("b", "c")
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if f := w.fence(t); f.Position.Seq != 1 {
			t.Errorf("a checkpoint came early: %d", f.Position.Seq)
		}
		time.Sleep(600 * time.Millisecond)
		synctest.Wait()
		if f := w.fence(t); f.Position.Seq != 3 {
			t.Errorf("after the interval the checkpoint is at %d", f.Position.Seq)
		}
		w.stream.put("d") // and one more when it is told to stop
		synctest.Wait()
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if f := w.fence(t); f.Position.Seq != 4 || f.Done {
			t.Errorf("after the drain: %+v", f)
		}
	})
	synctest.Test(t, func(t *testing.T) { // records that wait when the shard begins: the first interval is the short one
		w := newWorld(t)
		w.stream.put("a", "b")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- shard.Run(ctx, w.owner("one")) }()
		time.Sleep(99 * time.Millisecond)
		synctest.Wait()
		if f := w.fence(t); f.Position.Seq != 0 {
			t.Errorf("99 ms after the start there is a checkpoint at %d", f.Position.Seq)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if f := w.fence(t); f.Position.Seq != 2 {
			t.Errorf("101 ms after the start, with records waiting, the checkpoint is at %d", f.Position.Seq)
		}
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	})
}

func TestCheckpointWaitsForItsOutputs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.outlet.hold = make(chan struct{})
		w.stream.put("a", "END")
		ended := make(chan error, 1)
		go func() { ended <- runs(t, w.owner("one")) }()
		time.Sleep(time.Minute)
		if f := w.fence(t); f.Position.Seq != 0 {
			t.Errorf("a checkpoint at %d before its outputs were durable", f.Position.Seq)
		}
		close(w.outlet.hold)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if f := w.fence(t); !f.Done {
			t.Errorf("fence %+v", f)
		}
	})
}

// An outlet that failed may miss outputs: no checkpoint may cover them, not even the last one.
func TestNoCheckpointBehindLostOutputs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.outlet.err = errors.New("planted")
		w.stream.put("a", "END")
		if err := runs(t, w.owner("one")); !errors.Is(err, w.outlet.err) {
			t.Fatalf("got %v", err)
		}
		if f := w.fence(t); f.Position.Seq != 0 {
			t.Errorf("a checkpoint at %d", f.Position.Seq)
		}
	})
}

func TestTwoOwnersShareTheCheckpoints(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		envs := []*shard.Env{w.owner("one"), w.owner("two")}
		ended := make(chan error, len(envs))
		for _, e := range envs {
			e.MarkDistance = 4
			go func() { ended <- runs(t, e) }()
		}
		before := uint64(0)
		for range 200 {
			w.stream.put("a b a", "c")
			time.Sleep(137 * time.Millisecond)
			if at := w.fence(t).Position.Seq; at < before {
				t.Fatalf("the checkpoint went back from %d to %d", before, at)
			} else {
				before = at
			}
		}
		w.stream.put("END")
		for range envs {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		w.expect(t, `map[out global "a":400 out global "b":200 out global "c":200]`)
		if n := envs[0].Stats.Conflicts.Load() + envs[1].Stats.Conflicts.Load(); n == 0 {
			t.Error("the owners never met")
		}
		if n := envs[0].Stats.Divergences.Load() + envs[1].Stats.Divergences.Load(); n != 0 {
			t.Errorf("%d false alarms", n)
		}
	})
}

// A process that slept through everything wakes up, finds the other far ahead and adopts its state.
func TestSleeperAdopts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		gate := make(chan struct{})
		sleeper := w.owner("sleeper")
		w.stopsAt(sleeper, 0, gate)
		woken := make(chan error, 1)
		go func() { woken <- runs(t, sleeper) }()
		synctest.Wait()
		w.stream.put("a", "b", "a", "END")
		if err := runs(t, w.owner("other")); err != nil {
			t.Fatal(err)
		}
		close(gate)
		if err := <-woken; err != nil {
			t.Fatal(err)
		}
		w.expect(t, `map[out global "a":2 out global "b":1]`)
		if !sleeper.Stats.Done.Load() || sleeper.Stats.Adoptions.Load() == 0 {
			t.Errorf("done %v, adoptions %d", sleeper.Stats.Done.Load(), sleeper.Stats.Adoptions.Load())
		}
	})
}

// numbered is a store that notes the numbers of commits.
type numbered struct {
	checkpoint.Store
	seen map[uint64]int
}

func (n *numbered) Commit(ctx context.Context, id checkpoint.ShardID, revision uint64, f checkpoint.Fence, s []checkpoint.Segment, o ...checkpoint.Output) (uint64, error) {
	n.seen[f.Commit]++
	return n.Store.Commit(ctx, id, revision, f, s, o...)
}

// A commit whose acknowledgement was lost is recognised by its number: it must not come again after an adoption.
func TestCommitNumbersNeverComeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		gate := make(chan struct{})
		sleeper := w.owner("sleeper")
		w.stopsAt(sleeper, 1, gate)
		noted := &numbered{w.store, make(map[uint64]int)}
		sleeper.Store = noted
		woken := make(chan error, 1)
		go func() { woken <- runs(t, sleeper) }()
		w.stream.put("a", "b", "c")
		time.Sleep(time.Second)
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		defer stop()
		if err := shard.Run(ctx, w.owner("other")); err != nil {
			t.Fatal(err)
		}
		w.stream.truncate(2) // the sleeper cannot read on, and adopts
		close(gate)
		w.stream.put("d", "END")
		if err := <-woken; err != nil {
			t.Fatal(err)
		}
		w.expect(t, `map[out global "a":1 out global "b":1 out global "c":1 out global "d":1]`)
		if len(noted.seen) < 2 {
			t.Errorf("the sleeper committed only %v: the test proves nothing", noted.seen)
		}
		for number, times := range noted.seen {
			if times > 1 {
				t.Errorf("commit %d was written %d times", number, times)
			}
		}
	})
}

// An owner that is still behind an interval after it lost a race does not do all the work again.
func TestLaggardAdopts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		gate := make(chan struct{})
		laggard := w.owner("laggard")
		laggard.First *= 2 // the other is first, whoever wakes first at an instant
		w.stopsAt(laggard, 1, gate)
		w.stream.put("a", "b", "c")
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		defer stop()
		ended := make(chan error, 2)
		go func() { ended <- shard.Run(ctx, w.owner("other")) }()
		synctest.Wait()
		go func() { ended <- runs(t, laggard) }()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if n := laggard.Stats.Adoptions.Load(); n == 0 {
			t.Error("five seconds behind, and no adoption")
		}
		if f := w.fence(t); f.Position.Seq != 3 {
			t.Errorf("the fence went from 3 to %d", f.Position.Seq)
		}
		w.stream.put("END")
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		w.expect(t, `map[out global "a":1 out global "b":1 out global "c":1]`)
	})
}

// slowStore holds commits back.
type slowStore struct {
	checkpoint.Store
	until <-chan struct{}
}

func (s *slowStore) Commit(ctx context.Context, id checkpoint.ShardID, revision uint64, f checkpoint.Fence, seg []checkpoint.Segment, o ...checkpoint.Output) (uint64, error) {
	<-s.until
	return s.Store.Commit(ctx, id, revision, f, seg, o...)
}

// Who loses the race against a checkpoint behind its own commits again, with everything the winner's lacks.
func TestLoserRebases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stream.put("a", "b", "a c")
		loser := w.owner("loser")
		commit := make(chan struct{})
		loser.Store = &slowStore{w.store, commit}
		ended := make(chan error, 2)
		losing, stop := context.WithCancel(t.Context())
		go func() { ended <- shard.Run(losing, loser) }()
		time.Sleep(time.Second)

		winner := w.owner("winner")
		w.stopsAt(winner, 1, make(chan struct{})) // for ever
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := shard.Run(ctx, winner); err != nil {
			t.Fatal(err)
		}
		if f := w.fence(t); f.Position.Seq != 1 {
			t.Fatalf("the winner is at %d", f.Position.Seq)
		}
		close(commit)
		synctest.Wait()
		if f := w.fence(t); f.Position.Seq != 3 {
			t.Errorf("the loser's checkpoint is at %d", f.Position.Seq)
		}
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		w.stream.put("END")
		if err := runs(t, w.owner("third")); err != nil {
			t.Fatal(err)
		}
		w.expect(t, `map[out global "a":2 out global "b":1 out global "c":1]`)
	})
}

// counting is a store that notes which segments it keeps.
type counting struct {
	checkpoint.Store
	mu   sync.Mutex
	kept map[string]bool
}

func (c *counting) Commit(ctx context.Context, id checkpoint.ShardID, revision uint64, f checkpoint.Fence, segments []checkpoint.Segment, o ...checkpoint.Output) (uint64, error) {
	rev, err := c.Store.Commit(ctx, id, revision, f, segments, o...)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, s := range segments {
			c.kept[s.Ref.ID] = true
		}
	}
	return rev, err
}

func (c *counting) Remove(ctx context.Context, id checkpoint.ShardID, refs []checkpoint.SegmentRef) error {
	c.mu.Lock()
	for _, ref := range refs {
		delete(c.kept, ref.ID)
	}
	c.mu.Unlock()
	return c.Store.Remove(ctx, id, refs)
}

// Segments that no fence names any more are removed, also while two owners take turns.
func TestOldSegmentsGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		store := &counting{Store: w.store, kept: make(map[string]bool)}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		for _, name := range []string{"one", "two"} {
			e := w.owner(name)
			e.Store = store
			go func() { ended <- shard.Run(ctx, e) }()
		}
		for range 3000 {
			w.stream.put("a b", "c")
			time.Sleep(137 * time.Millisecond)
		}
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if named, kept := len(w.fence(t).Segments), len(store.kept); kept > named+80 {
			t.Errorf("%d segments are kept, the fence names %d", kept, named)
		}
	})
}
