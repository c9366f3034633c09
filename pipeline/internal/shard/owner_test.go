package shard_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// Whoever hands a shard over waits to see that another has come as far. So the first owner makes the checkpoint its own, also
// where nothing is to be added to it: soon after its start, and again if somebody was faster or it was the standby until now. A
// standby does not.
func TestOwnerTakesOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stream.put("a", "b")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 3)
		start := func(name string, every time.Duration, owns func() bool) context.CancelFunc {
			e := w.owner(name)
			e.Owns, e.Every = owns, every
			ctx, stop := context.WithCancelCause(ctx)
			go func() { ended <- shard.Run(ctx, e) }()
			return func() { stop(shard.ErrReleased) }
		}
		after := func(d time.Duration, want string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if f := w.fence(t); f.Writer != want || f.Position.Seq != 2 {
				t.Errorf("the checkpoint at %d is that of %s, want %s", f.Position.Seq, f.Writer, want)
			}
		}
		var firstOwns, secondOwns atomic.Bool
		firstOwns.Store(true)
		release := start("first", time.Hour, firstOwns.Load)
		after(101*time.Millisecond, "first")
		start("second", time.Second, secondOwns.Load)
		after(10*time.Second, "first")
		secondOwns.Store(true)
		firstOwns.Store(false)
		after(4*time.Second+time.Millisecond, "second")
		start("third", time.Second, func() bool { return true })
		after(101*time.Millisecond, "third")
		secondOwns.Store(false)

		w.stream.put("c") // the one that was released saves nothing more
		synctest.Wait()
		release()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		after(0, "third")
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if f := w.fence(t); f.Position.Seq != 3 {
			t.Errorf("the others have saved %d", f.Position.Seq)
		}
	})
}

// An owner that has nothing to add any more, because another was faster, makes the checkpoint its own all the same.
func TestOwnerTakesTheCheckpointBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.owner("owner")
		e.Owns = func() bool { return true }
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- shard.Run(ctx, e) }()
		w.stream.put("a")
		time.Sleep(200 * time.Millisecond)
		w.stream.put("b")
		synctest.Wait()
		stored, err := w.store.Load(t.Context(), e.ID)
		if err != nil {
			t.Fatal(err)
		}
		faster := stored.Fence
		faster.Writer, faster.Position.Seq, faster.Position.LastSeq = "faster", 2, 2
		if _, err := w.store.Commit(t.Context(), e.ID, stored.Revision, faster, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if f := w.fence(t); f.Writer != "faster" || e.Stats.Conflicts.Load() != 1 {
			t.Errorf("the checkpoint is that of %s after %d conflicts", f.Writer, e.Stats.Conflicts.Load())
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if f := w.fence(t); f.Writer != "owner" || f.Position.Seq != 2 {
			t.Errorf("the checkpoint at %d is that of %s", f.Position.Seq, f.Writer)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A standby writes checkpoints, but rarely: it would only race with the owner.
func TestStandbySavesRarely(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		count := func(owns func() bool) uint64 {
			w := newWorld(t)
			e := w.owner("one")
			e.Owns = owns
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- shard.Run(ctx, e) }()
			for range 200 {
				w.stream.put("a")
				time.Sleep(100 * time.Millisecond)
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			return e.Stats.Checkpoints.Load()
		}
		owner, standby := count(func() bool { return true }), count(func() bool { return false })
		if owner < 18 || owner > 22 || standby < 5 || standby > 7 {
			t.Errorf("in 20 s the owner has written %d checkpoints and the standby %d, want some 20 and 6", owner, standby)
		}
	})
}
