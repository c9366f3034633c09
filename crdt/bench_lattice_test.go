package crdt_test

import (
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// benched is a type whose states have elements, made so that benchmarks can ask for any number of them.
type benched[L any] struct {
	// fill returns a state with the elements 0 to n-1.
	fill func(n int) L
	// update makes element i, of which those below n are there.
	update func(x *L, n, i int)
	// delta returns the least difference; nil if the type has none.
	delta func(x, since *L) L
}

// bench measures a type with 10, 1000 and 1000000 elements: what the elements take, an update, the merge of ten new elements,
// the difference to a state that lacks them, and the encoding.
func bench[L any, P crdt.Lattice[L]](b *testing.B, s benched[L]) {
	b.Helper()
	largest := 1_000_000
	if testing.Short() {
		largest = 100_000
	}
	for _, n := range []int{10, 1000, largest} {
		before := heap()
		full := s.fill(n)
		taken := heap() - before
		b.Run(fmt.Sprintf("fill/n=%d", n), func(b *testing.B) {
			for b.Loop() {
				s.fill(n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/element")
			b.ReportMetric(float64(taken)/float64(n), "B/element")
		})
		benchGrowing[L, P](b, fmt.Sprintf("update/n=%d", n), &full, n, func(x *L, i int) { s.update(x, n, i) })
		if n == 10 {
			continue // a delta of ten is not small there
		}
		small := make([]L, 100)
		for i := range small {
			for j := range 10 {
				s.update(&small[i], n, n+10*i+j)
			}
		}
		benchGrowing[L, P](b, fmt.Sprintf("merge10/n=%d", n), &full, n, func(x *L, i int) { P(x).Merge(&small[i%len(small)]) })
		if s.delta != nil {
			ahead := crdt.Clone[L, P](&full)
			P(&ahead).Merge(&small[0])
			b.Run(fmt.Sprintf("delta/n=%d", n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					s.delta(&ahead, &full)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/element")
			})
		}
		b.Run(fmt.Sprintf("encode/n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				buf, _ = P(&full).AppendBinary(buf[:0])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/element")
			b.ReportMetric(float64(len(buf))/float64(n), "bytes/element")
		})
	}
}

// benchGrowing applies change to a copy of full, and takes a new copy before it has become much larger.
func benchGrowing[L any, P crdt.Lattice[L]](b *testing.B, name string, full *L, n int, change func(x *L, i int)) {
	b.Helper()
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		var x L
		for i := 0; b.Loop(); i++ {
			if at := i % max(n, 1000); at == 0 {
				b.StopTimer()
				x = crdt.Clone[L, P](full)
				b.StartTimer()
			}
			change(&x, n+i%max(n, 1000))
		}
	})
}

// scattered are different numbers in no order.
func scattered(i int) uint64 { return uint64(i+1) * 0x9e3779b97f4a7c15 }

// shardNames are n names.
func shardNames(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("shard-%07d", i)
	}
	return all
}

func BenchmarkFrontier(b *testing.B) {
	shards := shardNames(1_000_000)
	bench(b, benched[crdt.Frontier]{
		fill: func(n int) (f crdt.Frontier) {
			for i := range n {
				f.Advance(shards[i], int64(i))
			}
			return f
		},
		update: func(f *crdt.Frontier, n, i int) { f.Advance(shards[i%n], int64(n+i)) },
		delta:  (*crdt.Frontier).Delta,
	})
	b.Run("passed/n=64", func(b *testing.B) {
		b.ReportAllocs()
		var f crdt.Frontier
		for _, shard := range shards[:64] {
			f.Advance(shard, 1)
		}
		passed := crdt.Passed(crdt.NewRegistry(shards[:64]...), 1)
		for b.Loop() {
			passed.Holds(&f)
		}
	})
}

func BenchmarkTally(b *testing.B) {
	shards := shardNames(1_000_000)
	bench(b, benched[crdt.Tally]{
		fill: func(n int) (x crdt.Tally) {
			for i := range n {
				x.Add(shards[i], int64(i))
			}
			return x
		},
		update: func(x *crdt.Tally, n, i int) { x.Add(shards[i%n], 1) },
		delta:  (*crdt.Tally).Delta,
	})
}

func BenchmarkSealedSet(b *testing.B) {
	for name, position := range map[string]func(i int) uint64{
		"in order": func(i int) uint64 { return uint64(i) }, "scattered": scattered,
	} {
		b.Run(name, func(b *testing.B) {
			bench(b, benched[crdt.SealedSet[int64]]{
				fill: func(n int) (s crdt.SealedSet[int64]) {
					for i := range n {
						s.Put(position(i), int64(i))
					}
					return s
				},
				update: func(s *crdt.SealedSet[int64], _, i int) { s.Put(position(i), int64(i)) },
				delta:  (*crdt.SealedSet[int64]).Delta,
			})
		})
	}
}

func BenchmarkLedger(b *testing.B) {
	bench(b, benched[crdt.Ledger[uint64]]{
		fill: func(n int) (l crdt.Ledger[uint64]) {
			for i := range n {
				l.Record(scattered(i), 1)
			}
			return l
		},
		update: func(l *crdt.Ledger[uint64], _, i int) { l.Record(scattered(i), 1) },
		delta:  (*crdt.Ledger[uint64]).Delta,
	})
}

func BenchmarkIntervals(b *testing.B) {
	for name, at := range map[string]func(i int) int64{
		"in order": func(i int) int64 { return 100 * int64(i) }, "scattered": func(i int) int64 { return int64(scattered(i)) },
	} {
		b.Run(name, func(b *testing.B) {
			bench(b, benched[crdt.Intervals]{
				fill: func(n int) (x crdt.Intervals) {
					for i := range n {
						x.Session(at(i), 10)
					}
					return x
				},
				update: func(x *crdt.Intervals, _, i int) { x.Session(at(i), 10) },
				delta:  (*crdt.Intervals).Delta,
			})
		})
	}
	b.Run("prolong", func(b *testing.B) {
		b.ReportAllocs()
		var x crdt.Intervals
		for t := int64(0); b.Loop(); t++ {
			x.Session(t, 10)
		}
	})
}

// The k of a ranking is its number of elements. Each further element is better than those that are there.
func BenchmarkMaxK(b *testing.B) {
	bench(b, benched[crdt.MaxK[uint64]]{
		fill: func(n int) crdt.MaxK[uint64] {
			m := crdt.NewMaxK[uint64](n)
			for i := range n {
				m.Add(scattered(i) >> 1)
			}
			return m
		},
		update: func(m *crdt.MaxK[uint64], _, i int) { m.Add(1<<63 + scattered(i)>>1) },
		delta:  func(x, since *crdt.MaxK[uint64]) crdt.MaxK[uint64] { return x.Delta(since) },
	})
}

func BenchmarkTopK(b *testing.B) {
	bench(b, benched[crdt.TopK[uint64, uint64]]{
		fill: func(n int) crdt.TopK[uint64, uint64] {
			t := crdt.NewTopK[uint64, uint64](n)
			for i := range n {
				t.Add(scattered(i), scattered(2*i)>>1)
			}
			return t
		},
		update: func(t *crdt.TopK[uint64, uint64], _, i int) { t.Add(scattered(i), 1<<63+scattered(2*i)>>1) },
		delta:  func(x, since *crdt.TopK[uint64, uint64]) crdt.TopK[uint64, uint64] { return x.Delta(since) },
	})
	full := crdt.NewTopK[uint64, uint64](100)
	for i := range 100 {
		full.Add(scattered(i), 1<<63)
	}
	b.Run("too low/k=100", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			full.Add(scattered(i), 1)
		}
	})
	b.Run("higher/k=100", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			full.Add(scattered(i%100), 1<<63+uint64(i))
		}
	})
}

func BenchmarkArgMax(b *testing.B) {
	b.ReportAllocs()
	var a crdt.ArgMax[uint64, string]
	for i := uint64(0); b.Loop(); i++ {
		a.Add(i, "key")
	}
}
