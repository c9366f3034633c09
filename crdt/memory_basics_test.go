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

// memory is what a value keeps.
type memory struct {
	what  string
	bytes int
	most  float64 // for each element, names themselves not counted
}

// What the documentation of the types says of memory.
//
//nolint:paralleltest // it measures memory, which other tests would disturb
func TestMemoryPerElement(t *testing.T) {
	const n = 100_000
	random, names := randomNumbers(n), words(n)
	ascending := slices.Sorted(slices.Values(random))
	for _, c := range append(memoryOfBasics(random, ascending, names), memoryOfStreamTypes(random, names)...) {
		if each := float64(c.bytes) / n; each > c.most || each < c.most/2 {
			t.Errorf("%s: %.1f bytes for each element, not up to %v", c.what, each, c.most)
		}
	}
	runtime.KeepAlive([]any{random, ascending, names}) // else they would go while the last that needs one is measured
}

func memoryOfBasics(random, ascending []uint64, names []string) []memory {
	return []memory{
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
		{"TwoPhaseSet of numbers", keeps(func() any { return twoPhase(random[:len(random)/2], random[len(random)/2:]...) }), 26},
		{"TwoPhaseSet of names", keeps(func() any { return twoPhase(names[:len(names)/2], names[len(names)/2:]...) }), 39},
	}
}

func memoryOfStreamTypes(random []uint64, names []string) []memory {
	return []memory{
		{"LWWMap of numbers, random", keeps(func() any {
			var m crdt.LWWMap[uint64, uint64]
			for _, k := range random {
				m.Put(1, "w", k, 1)
			}
			return m
		}), 80},
		{"LWWMap of names, random", keeps(func() any {
			var m crdt.LWWMap[string, string]
			for _, k := range names {
				m.Put(1, "w", k, "v")
			}
			return m
		}), 115},
		{"Frontier", keeps(func() any {
			var f crdt.Frontier
			for _, k := range names {
				f.Advance(k, 1)
			}
			return f
		}), 40},
		{"Tally", keeps(func() any {
			var x crdt.Tally
			for _, k := range names {
				x.Add(k, 1)
			}
			return x
		}), 65},
		{"Ledger", keeps(func() any {
			var l crdt.Ledger[uint64]
			for _, k := range random {
				l.Record(k, 1)
			}
			return l
		}), 25},
		{"TopK", keeps(func() any {
			x := crdt.NewTopK[uint64, uint64](len(random))
			for i, k := range random {
				x.Add(k, random[len(random)-1-i])
			}
			return x
		}), 53},
		{"MaxK", keeps(func() any { return crdt.MaxKOf(len(random), random...) }), 14},
		{"ORCounter", keeps(func() any {
			var c crdt.ORCounter
			for range random {
				c.Add("w", 1)
			}
			return c
		}), 38},
		{"OpLog", keeps(func() any {
			var l crdt.OpLog[string]
			for _, k := range names {
				l.Append("w", k)
			}
			return l
		}), 110},
	}
}
