package crdt_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// basic is a type to measure: how to make a value of n elements, and how to change the one at i for the time-th time, which is
// never 0. The delta is returned.
type basic[L any] struct {
	build  func(n int) L
	update func(x *L, i, time int) L
}

// BenchmarkBasics measures updates, merges of a small delta, deltas since ten changes ago, and encoding. An update must not take longer in
// a larger state, nor a merge; the others may.
func BenchmarkBasics(b *testing.B) {
	origin := make([]string, 1_000_000)
	for i := range origin {
		origin[i] = "shard-" + strconv.Itoa(10_000_000+i)
	}
	benchBasic(b, "Max", basic[crdt.Max[int]]{
		build:  func(int) crdt.Max[int] { return crdt.MaxOf(0) },
		update: func(x *crdt.Max[int], _, time int) crdt.Max[int] { return x.Add(time) },
	})
	benchBasic(b, "Bool", basic[crdt.Bool]{
		build:  func(int) (x crdt.Bool) { return x },
		update: func(x *crdt.Bool, _, _ int) crdt.Bool { return x.Raise() },
	})
	benchBasic(b, "GCounter", basic[crdt.GCounter]{
		build: func(n int) (x crdt.GCounter) {
			for i := range n {
				x.Add(origin[i], 1)
			}
			return x
		},
		update: func(x *crdt.GCounter, i, _ int) crdt.GCounter { return x.Add(origin[i], 1) },
	})
	benchBasic(b, "PNCounter", basic[crdt.PNCounter]{
		build: func(n int) (x crdt.PNCounter) {
			for i := range n {
				x.Add(origin[i], 1)
			}
			return x
		},
		update: func(x *crdt.PNCounter, i, _ int) crdt.PNCounter { return x.Subtract(origin[i], 1) },
	})
	benchBasic(b, "BoundedCounter", basic[crdt.BoundedCounter]{
		build: func(n int) (x crdt.BoundedCounter) {
			for i := range n {
				add(origin[i], 1<<40).apply(&x)
			}
			return x
		},
		update: func(x *crdt.BoundedCounter, i, _ int) crdt.BoundedCounter { return subtract(origin[i], 1).apply(x) },
	})
	benchBasic(b, "Map", basic[crdt.Map[int, crdt.Max[int], *crdt.Max[int]]]{
		build: func(n int) (x crdt.Map[int, crdt.Max[int], *crdt.Max[int]]) {
			for i := range n {
				x.Update(i, crdt.MaxOf(0))
			}
			return x
		},
		update: func(x *crdt.Map[int, crdt.Max[int], *crdt.Max[int]], i, time int) crdt.Map[int, crdt.Max[int], *crdt.Max[int]] {
			x.Update(i, crdt.MaxOf(time))
			return crdt.MapOf(i, crdt.MaxOf(time))
		},
	})
	benchBasic(b, "TwoPhaseSet", basic[crdt.TwoPhaseSet[int]]{
		build: func(n int) (x crdt.TwoPhaseSet[int]) {
			for i := range n {
				x.Add(i)
			}
			return x
		},
		update: func(x *crdt.TwoPhaseSet[int], i, _ int) crdt.TwoPhaseSet[int] { return x.Remove(i) },
	})
	benchBasic(b, "GSet", basic[crdt.GSet[int]]{
		build: func(n int) (x crdt.GSet[int]) {
			for i := range n {
				x.Add(i * 8)
			}
			return x
		},
		update: func(x *crdt.GSet[int], i, time int) crdt.GSet[int] { return x.Add(i*8 + time%8) }, // up to 8 for each
	})
}

func benchBasic[L any, P interface {
	crdt.Lattice[L]
	crdt.Decomposable[L]
}](b *testing.B, name string, t basic[L],
) {
	b.Helper()
	for _, n := range sizes() {
		// next changes x, here and there in turn.
		next := func() func(x *L) L {
			i, time := 0, 1
			return func(x *L) L {
				delta := t.update(x, i, time)
				if i += 7919; i >= n {
					i %= n
					time++
				}
				return delta
			}
		}
		b.Run(fmt.Sprintf("%s/update/n=%d", name, n), func(b *testing.B) {
			x, change := t.build(n), next()
			b.ReportAllocs()
			for b.Loop() {
				change(&x)
			}
		})
		b.Run(fmt.Sprintf("%s/update and merge elsewhere/n=%d", name, n), func(b *testing.B) {
			x, change := t.build(n), next()
			elsewhere := crdt.Clone[L, P](&x)
			b.ReportAllocs()
			for b.Loop() {
				delta := change(&x)
				P(&elsewhere).Merge(&delta)
			}
		})
		b.Run(fmt.Sprintf("%s/delta/n=%d", name, n), func(b *testing.B) {
			x, change := t.build(n), next()
			since := crdt.Clone[L, P](&x)
			for range 10 {
				change(&x)
			}
			b.ReportAllocs()
			for b.Loop() {
				P(&x).Delta(&since)
			}
		})
		b.Run(fmt.Sprintf("%s/encode/n=%d", name, n), func(b *testing.B) {
			x := t.build(n)
			var data []byte
			b.ReportAllocs()
			for b.Loop() {
				data, _ = P(&x).AppendBinary(data[:0])
			}
			b.ReportMetric(float64(len(data))/float64(n), "B/element")
		})
	}
}
