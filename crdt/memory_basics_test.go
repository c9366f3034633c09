package crdt_test

import (
	"runtime"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// keeps returns how many bytes of memory a value keeps, besides itself.
func keeps[T any](build func() T) int {
	before := heap()
	x := build()
	defer runtime.KeepAlive(x)
	return int(heap() - before)
}

// What the documentation of the types says of memory.
//
//nolint:paralleltest // it measures memory, which other tests would disturb
func TestMemoryPerElement(t *testing.T) {
	const n = 100_000
	random, names := randomNumbers(n), words(n)
	ascending := slices.Sorted(slices.Values(random))
	for _, c := range []struct {
		what  string
		bytes int
		most  float64 // for each element, names themselves not counted
	}{
		{"GSet of numbers, ascending", keeps(func() any { return crdt.GSetOf(ascending...) }), 9},
		{"GSet of numbers, random", keeps(func() any { return crdt.GSetOf(random...) }), 13},
		{"GSet of names, random", keeps(func() any { return crdt.GSetOf(names...) }), 28},
		{"Map of numbers to Max, random", keeps(func() any {
			var m crdt.Map[uint64, crdt.Max[uint64], *crdt.Max[uint64]]
			for _, k := range random {
				m.Update(k, crdt.MaxOf(k))
			}
			return m
		}), 40},
		{"GCounter", keeps(func() any {
			var c crdt.GCounter
			for _, k := range names {
				c.Add(k, 1)
			}
			return c
		}), 39},
		{"PNCounter", keeps(func() any {
			var c crdt.PNCounter
			for _, k := range names {
				c.Add(k, 1)
				c.Subtract(k, 1)
			}
			return c
		}), 77},
		{"BoundedCounter", keeps(func() any {
			var c crdt.BoundedCounter
			for _, k := range names {
				add(k, 2).apply(&c)
				subtract(k, 1).apply(&c)
			}
			return c
		}), 175},
		{"TwoPhaseSet of numbers", keeps(func() any { return twoPhase(random[:n/2], random[n/2:]...) }), 26},
		{"TwoPhaseSet of names", keeps(func() any { return twoPhase(names[:n/2], names[n/2:]...) }), 39},
	} {
		if each := float64(c.bytes) / n; each > c.most || each < c.most/2 {
			t.Errorf("%s: %.1f bytes for each element, not up to %v", c.what, each, c.most)
		}
	}
	runtime.KeepAlive([]any{random, ascending, names}) // else they would go while the last that needs one is measured
}
