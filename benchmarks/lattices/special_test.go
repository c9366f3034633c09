package lattices_test

import (
	"testing"

	"github.com/calmstream/calmstream/benchmarks/lattices"
	"github.com/calmstream/calmstream/crdt"
)

// Paths of single types that the table does not take.

func BenchmarkFrontierPassed(b *testing.B) {
	b.ReportAllocs()
	var f crdt.Frontier
	shards := make([]string, 64)
	for i := range shards {
		shards[i] = string(rune('A' + i))
		f.Advance(shards[i], 1)
	}
	passed := crdt.Passed(crdt.NewRegistry(shards...), 1)
	for b.Loop() {
		passed.Holds(&f)
	}
}

func BenchmarkIntervalsProlong(b *testing.B) {
	b.ReportAllocs()
	var x crdt.Intervals
	for t := int64(0); b.Loop(); t++ {
		x.Session(t, 10)
	}
}

func BenchmarkTopKOf100(b *testing.B) {
	full := crdt.NewTopK[uint64, uint64](100)
	for i := range uint64(100) {
		full.Add(i, 1<<63)
	}
	b.Run("too low", func(b *testing.B) {
		b.ReportAllocs()
		for i := uint64(0); b.Loop(); i++ {
			full.Add(100+i, 1)
		}
	})
	b.Run("higher", func(b *testing.B) {
		b.ReportAllocs()
		for i := uint64(0); b.Loop(); i++ {
			full.Add(i%100, 1<<63+i)
		}
	})
}

// BenchmarkLexRaiseKey replaces the value by one under a higher key.
func BenchmarkLexRaiseKey(b *testing.B) {
	b.ReportAllocs()
	var l crdt.Lex[int, crdt.GSet[uint64], *crdt.GSet[uint64]]
	for key := 1; b.Loop(); key++ {
		l.Update(key, crdt.GSetOf[uint64](2))
	}
}

func BenchmarkDotContextAdd(b *testing.B) {
	for _, c := range []struct {
		name string
		dot  func(i uint64) uint64
	}{
		{"in order", func(i uint64) uint64 { return i }},
		{"in pairs", func(i uint64) uint64 { return i ^ 1 }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var x crdt.DotContext
			a := crdt.DotOf("shard-0", 1).Origin()
			for i := uint64(2); b.Loop(); i++ {
				x.Add(crdt.DotOf(a, c.dot(i)))
			}
		})
	}
}

// BenchmarkORCounterFold adds, and makes one addition of a hundred now and then.
func BenchmarkORCounterFold(b *testing.B) {
	b.ReportAllocs()
	var c crdt.ORCounter
	for b.Loop() {
		if c.Add("shard-0", 1); c.Len() == 100 {
			c.Fold("shard-0")
		}
	}
}

// BenchmarkGCounterUnmarshal decodes over a counter that has the origin already.
func BenchmarkGCounterUnmarshal(b *testing.B) {
	b.ReportAllocs()
	var c crdt.GCounter
	c.Add("shard-0", 1000)
	data, _ := c.AppendBinary(nil)
	for b.Loop() {
		_ = c.UnmarshalBinary(data)
	}
}

// BenchmarkLWWMapUnmarshal has 1000 keys.
func BenchmarkLWWMapUnmarshal(b *testing.B) {
	b.ReportAllocs()
	var m crdt.LWWMap[uint64, uint64]
	for i := range uint64(1000) {
		m.Put(1, "shard-0", i, i)
	}
	data, _ := m.AppendBinary(nil)
	for b.Loop() {
		_ = m.UnmarshalBinary(data)
	}
}

// TestEachWorkloadUpdates sees that no workload measures updates that do nothing, and that deltas bring copies to the same state.
func TestEachWorkloadUpdates(t *testing.T) {
	t.Parallel()
	for _, w := range lattices.Workloads() {
		n, updates := 50, 20
		if w.Fixed {
			n, updates = 1, 1
		}
		s := w.New()
		s.Fill(n)
		if err := s.Try(updates); err != nil {
			t.Errorf("%s: %v", w.Name, err)
		}
	}
}
