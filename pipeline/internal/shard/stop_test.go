package shard_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// stuck is an outlet that takes nothing until ctx ends.
type stuck struct{ shard.Outlet }

func (stuck) Put(ctx context.Context, _ *shard.Outputs) error {
	<-ctx.Done()
	return ctx.Err()
}

// unproven is a log whose proof does not come until ctx ends.
type unproven struct{ *reader }

func (u unproven) Verify(ctx context.Context, from uint64) error {
	if _, last := ctx.Deadline(); last { // of the drain
		return u.reader.Verify(ctx, from)
	}
	<-ctx.Done()
	return ctx.Err()
}

// A shard that is told to stop while the outputs of its last batch wait takes no checkpoint that would cover them.
func TestStopWhileOutputsWait(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*world, *shard.Env){
		"put": func(_ *world, e *shard.Env) { e.Outlet = stuck{e.Outlet} },
		"proof": func(w *world, e *shard.Env) {
			e.First, e.Every = time.Hour, time.Hour
			e.OpenLog = func(context.Context, checkpoint.Position) (shard.Log, error) {
				return unproven{&reader{stream: w.stream}}, nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				e := w.owner("one")
				spoil(w, e)
				w.stream.put("a", "END")
				ctx, stop := context.WithCancel(t.Context())
				time.AfterFunc(time.Minute, stop)
				if err := shard.Run(ctx, e); err != nil {
					t.Error(err)
				}
				if f := w.fence(t); f.Done || f.Position.Seq > 1 {
					t.Errorf("a checkpoint at %d, done %v, and its results never left", f.Position.Seq, f.Done)
				}
				if err := runs(t, w.owner("two")); err != nil {
					t.Error(err)
				}
				w.expect(t, `map[out global "a":1]`)
			})
		})
	}
}

// An owner that is behind the fence when it is told to stop does not move it back.
func TestStopBehindTheFence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		laggard := w.owner("laggard")
		laggard.Every = time.Hour
		w.stopsAt(laggard, 1, make(chan struct{})) // for ever
		commit := make(chan struct{})
		laggard.Store = &slowStore{w.store, commit}
		ended := make(chan error, 1)
		lagging, stop := context.WithCancel(t.Context())
		go func() { ended <- shard.Run(lagging, laggard) }()
		w.stream.put("a", "b", "c")
		time.Sleep(200 * time.Millisecond) // a commit at 1 is under way
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := shard.Run(ctx, w.owner("other")); err != nil {
			t.Fatal(err)
		}
		close(commit) // and loses
		synctest.Wait()
		if n := laggard.Stats.Conflicts.Load(); n != 1 {
			t.Fatalf("%d conflicts", n)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if f := w.fence(t); f.Position.Seq != 3 {
			t.Errorf("the fence went from 3 to %d", f.Position.Seq)
		}
	})
}

// What stands behind the end marker is not part of the input, also where both come in one batch.
func TestNothingBehindTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stream.put("a", "END", "behind", "END")
	for _, cut := range []int{1, 2, 3, 4} {
		m, err := shard.NewMachine(w.owner("one"))
		if err != nil {
			t.Fatal(err)
		}
		var taken int
		for _, batch := range [][]plan.Message{w.stream.messages[:cut], w.stream.messages[cut:]} {
			if m.Ended() || len(batch) == 0 {
				continue
			}
			n, err := m.Apply(batch)
			if err != nil {
				t.Fatal(err)
			}
			taken += n
		}
		out, finals := m.Take()
		if !m.Ended() || taken != 2 || !finals || len(out.Results) != 1 || len(out.Rejected) != 0 {
			t.Errorf("cut at %d: %d taken, %d results, rejected %v", cut, taken, len(out.Results), out.Rejected)
		}
	}
}

// Finals leave by key, whatever order a restart has left the keys in: the exchange numbers them.
func TestFinalsLeaveByKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stream.put("c a", "b d", "END")
	m, err := shard.NewMachine(w.owner("one"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Apply(w.stream.messages); err != nil {
		t.Fatal(err)
	}
	out, _ := m.Take()
	keys := ""
	for i := range out.Results {
		keys += out.Results[i].Meta.Group.Key
	}
	if keys != "abcd" {
		t.Errorf("finals left in the order %q", keys)
	}
}
