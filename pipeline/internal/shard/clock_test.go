package shard_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// A clock that jumps, forward or back, paces checkpoints badly and changes nothing else: no result, no state, and not that it ends.
func TestClocksThatJump(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i, name := range []string{"one", "two"} {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			e := w.owner(name)
			e.Now = func() time.Time {
				return time.Now().Add(time.Duration(random.Int64N(int64(200 * time.Hour)))).Add(-100 * time.Hour)
			}
			ended := make(chan error, 1)
			go func() { ended <- runs(t, e) }()
			w.stream.put("a", "b", "a")
			time.Sleep(time.Minute)
			w.stream.put("c", "a", "b")
			time.Sleep(time.Minute)
			if i == 0 {
				continue
			}
			w.stream.put("END")
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		w.expect(t, `map[out global "a":6 out global "b":4 out global "c":2]`)
		if f := w.fence(t); !f.Done {
			t.Errorf("the newest checkpoint is at %d, and not the last", f.Position.Seq)
		}
	})
}
