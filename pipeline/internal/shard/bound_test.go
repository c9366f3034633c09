package shard_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// An input ends at its bound, wherever that stands to what the log holds, and whether anything comes behind it or not.
func TestBound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		start, last uint64
		log         []string
		want        string
		at          uint64
	}{
		{0, 2, []string{"a", "b", "a"}, `map[out global "a":1 out global "b":1]`, 2},
		{0, 3, []string{"a", "b", "a"}, `map[out global "a":2 out global "b":1]`, 3},
		{0, 0, nil, `map[]`, 0},
		{0, 0, []string{"a"}, `map[]`, 0},
		{2, 2, []string{"a", "b"}, `map[]`, 2},
		{0, 3, []string{"a", "END", "a"}, `map[out global "a":1]`, 2},
		{0, 1, []string{"a", "END", "a"}, `map[out global "a":1]`, 1},
	} {
		t.Run(fmt.Sprint(c.start, c.last, c.log), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.stream.put(c.log...)
				began := time.Now()
				for _, name := range []string{"first", "again"} {
					e := w.owner(name)
					e.Start.Seq, e.Bound = c.start, shard.Bound{Set: true, Last: c.last}
					if err := runs(t, e); err != nil {
						t.Fatal(err)
					}
					if s := e.Stats; !s.Done.Load() || s.OpenWindows.Load() != 0 {
						t.Errorf("done: %v, open: %d", s.Done.Load(), s.OpenWindows.Load())
					}
				}
				w.expect(t, c.want)
				if f := w.fence(t); !f.Done || f.Position.Seq != c.at {
					t.Errorf("the checkpoint at %d is done: %v", f.Position.Seq, f.Done)
				}
				if took := time.Since(began); took > 0 {
					t.Errorf("the end was waited for: %v", took)
				}
			})
		})
	}
}
