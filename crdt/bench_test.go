package crdt_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

func BenchmarkGCounterAdd(b *testing.B) {
	for _, origins := range []int{1, 2, 64} {
		b.Run(fmt.Sprintf("origins=%d", origins), func(b *testing.B) {
			b.ReportAllocs()
			var c crdt.GCounter
			for i := range origins {
				c.Add(fmt.Sprintf("shard-%02d", i), 1)
			}
			last := fmt.Sprintf("shard-%02d", origins-1) // the slowest one to reach
			for b.Loop() {
				c.Add(last, 1)
			}
		})
	}
}

func BenchmarkGCounterFirstAdd(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var c crdt.GCounter
		c.Add("shard-00", 1)
	}
}

func BenchmarkGCounterMerge(b *testing.B) {
	for _, origins := range []int{1, 2, 64} {
		b.Run(fmt.Sprintf("origins=%d", origins), func(b *testing.B) {
			b.ReportAllocs()
			var c, d crdt.GCounter
			for i := range origins {
				d.Add(fmt.Sprintf("shard-%02d", i), 1)
			}
			for b.Loop() {
				d.Add("shard-00", 1)
				c.Merge(&d)
			}
		})
	}
}

func BenchmarkGCounterAppend(b *testing.B) {
	for _, origins := range []int{1, 2, 64} {
		b.Run(fmt.Sprintf("origins=%d", origins), func(b *testing.B) {
			b.ReportAllocs()
			var c crdt.GCounter
			for i := range origins {
				c.Add(fmt.Sprintf("shard-%02d", i), 1000)
			}
			var buf []byte
			for b.Loop() {
				buf, _ = c.AppendBinary(buf[:0])
			}
		})
	}
}

func BenchmarkGCounterUnmarshal(b *testing.B) {
	c := counter("shard-00", 1000)
	data, _ := c.AppendBinary(nil)
	b.Run("zero receiver", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var d crdt.GCounter
			_ = d.UnmarshalBinary(data)
		}
	})
	b.Run("same origin", func(b *testing.B) {
		b.ReportAllocs()
		var d crdt.GCounter
		for b.Loop() {
			_ = d.UnmarshalBinary(data)
		}
	})
}

func BenchmarkGSetAdd(b *testing.B) {
	for _, n := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("random/n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			r := rand.New(rand.NewPCG(1, 1))
			var s crdt.GSet[uint64]
			for b.Loop() {
				if s.Len() == n {
					s = crdt.GSet[uint64]{}
				}
				s.Add(r.Uint64())
			}
		})
	}
}

func BenchmarkGSetMergeOfEquals(b *testing.B) {
	b.ReportAllocs()
	var s crdt.GSet[uint64]
	for i := range uint64(10_000) {
		s.Add(i * 7)
	}
	other := crdt.Clone(&s)
	for b.Loop() {
		s.Merge(&other)
	}
}

func BenchmarkMapUpdate(b *testing.B) {
	b.ReportAllocs()
	var m crdt.Map[uint64, crdt.Max[uint64], *crdt.Max[uint64]]
	for i := range uint64(1000) {
		m.Update(i, crdt.MaxOf(i))
	}
	i := uint64(0)
	for b.Loop() {
		i++
		m.Update(i%1000, crdt.MaxOf(i))
	}
}

func BenchmarkMapAppend(b *testing.B) {
	b.ReportAllocs()
	var m crdt.Map[uint64, crdt.Max[uint64], *crdt.Max[uint64]]
	for i := range uint64(1000) {
		m.Update(i, crdt.MaxOf(i))
	}
	var buf []byte
	for b.Loop() {
		buf, _ = m.AppendBinary(buf[:0])
	}
}
