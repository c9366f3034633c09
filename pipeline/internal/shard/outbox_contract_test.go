package shard_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// The rows of the outbox in docs/outputs.md: each result leaves once, whatever its kind, although it is made again, by an owner that
// has slept, and after an acknowledgement that was lost.
func TestOutboxContract(t *testing.T) {
	t.Parallel()
	texts := words(95)
	t.Run("duplicates", func(t *testing.T) { // one that was killed before its checkpoint
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newOwedWorld(t)
			first := w.owner("first", always(4))
			w.outlet.hold = make(chan struct{})
			ctx, kill := context.WithCancel(t.Context())
			first.Drain = time.Millisecond
			ended := make(chan error, 1)
			go func() { ended <- shard.Run(ctx, first) }()
			w.stream.put(texts[:33]...)
			time.Sleep(10 * time.Second)
			kill()
			if err := <-ended; err == nil {
				t.Error("it was to have no time for its checkpoint")
			}
			if n := len(w.left(t)); n > 0 {
				t.Errorf("%d results have left before their checkpoint", n)
			}
			close(w.outlet.hold)
			w.stream.put(texts[33:]...)
			if err := runs(t, w.owner("second", always(3))); err != nil {
				t.Error(err)
			}
			w.check(t, texts)
		})
	})
	t.Run("zombie", func(t *testing.T) { // its commit is under way while others go on, to the end
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newOwedWorld(t)
			zombie := w.owner("zombie", always(10))
			held := &outlet{results: map[string]string{}, hold: make(chan struct{})}
			zombie.Outlet = held
			woken := make(chan error, 1)
			go func() { woken <- runs(t, zombie) }()
			w.stream.put(texts[:57]...)
			time.Sleep(10 * time.Second)
			ctx, stop := context.WithCancel(t.Context())
			other := make(chan error, 1)
			go func() { other <- shard.Run(ctx, w.owner("other", always(7))) }()
			time.Sleep(10 * time.Second)
			stop()
			if err := <-other; err != nil {
				t.Error(err)
			}
			close(held.hold)
			w.stream.put(texts[57:]...)
			if err := <-woken; err != nil {
				t.Error(err)
			}
			if zombie.Stats.Conflicts.Load() == 0 {
				t.Error("it has not met the other")
			}
			w.check(t, texts)
		})
	})
	t.Run("lost acknowledgements", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newOwedWorld(t)
			n := 0
			w.store.Fault = func(op string) error {
				if op == checkpoint.OpAcknowledge {
					if n++; n%2 == 1 {
						return errLost
					}
				}
				return nil
			}
			for i := 0; i == 0 || n < 9; i++ {
				w.stream.put(texts[10*i : min(10*i+10, len(texts))]...)
				ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
				err := shard.Run(ctx, w.owner(fmt.Sprint(i), always(3)))
				stop()
				if err != nil && !errors.Is(err, errLost) {
					t.Fatal(err)
				}
				if i == len(texts)/10 {
					break
				}
			}
			w.store.Fault = nil
			w.stream.put(texts[len(w.stream.messages):]...)
			if err := runs(t, w.owner("last", always(5))); err != nil {
				t.Error(err)
			}
			w.check(t, texts)
		})
	})
}
