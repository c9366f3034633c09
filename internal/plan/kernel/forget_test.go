package kernel_test

import (
	"fmt"
	goruntime "runtime"
	"testing"
)

// size is how many entries the whole state has, but for the one that ends it.
func (m *machine) size(t *testing.T) int {
	t.Helper()
	var s segment
	if err := m.state.Snapshot(&s, true); err != nil {
		t.Fatal(err)
	}
	m.state.Settle(false)
	return len(s) - 1
}

// What a join keeps is bounded by its keys and by what is within its reach, however long it runs; a table keeps the newest entry of each
// key, and nothing of those that were deleted.
func TestJoinsForget(t *testing.T) {
	t.Parallel()
	for name, bound := range map[string]int{"outer join": 0, "lookup": 10, "tables": 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := chainKernels[name](t)
			at := int64(0)
			run := func(n int, value func(i int) string) {
				for i := range n {
					at++
					m.step(step{key: fmt.Sprint("key ", i%10), at: at, right: i/10%2 == 0, value: value(i), frontier: at})
				}
			}
			run(5000, func(i int) string { return fmt.Sprint("v", i) })
			const reach = 20 // of what is not over: the lateness, the interval, and a few
			if n := m.size(t); n > bound+reach || n < bound {
				t.Errorf("%d entries are kept, want %d and up to %d that are under way", n, bound, reach)
			}
			run(100, func(int) string { return "" })
			m.step(step{key: "other", at: at + 1000, right: true, frontier: at + 1000})
			m.step(step{key: "other", at: at + 2000, right: true, frontier: at + 2000})
			if n := m.size(t); n > 2 {
				t.Errorf("%d entries are kept after all was deleted", n)
			}
		})
	}
}

// A record that was handed on without an entry leaves nothing behind, not even its key.
func TestLeftEnrichForgetsKeys(t *testing.T) { //nolint:paralleltest // it measures the heap
	m := leftEnrich(false)(t)
	heap := func() uint64 {
		var s goruntime.MemStats
		goruntime.GC()
		goruntime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	run := func(from, n int) {
		for i := range n {
			m.step(step{key: fmt.Sprint("key ", from+i), at: int64(from + i), frontier: int64(from + i)})
		}
		var s segment
		if err := m.state.Snapshot(&s, false); err != nil {
			t.Fatal(err)
		}
		m.state.Settle(true)
	}
	run(0, 1000)
	before := heap()
	run(1000, 50_000)
	if after := heap(); after > before+1<<20 {
		t.Errorf("%d bytes are kept for 50,000 keys that are over", after-before)
	}
	goruntime.KeepAlive(m)
}
