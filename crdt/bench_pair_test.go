package crdt_test

import (
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// BenchmarkPairUpdate counts beside a set of n elements.
func BenchmarkPairUpdate(b *testing.B) {
	forSizes(b, func(b *testing.B, n int) {
		p := crdt.PairOf(crdt.GCounter{}, setOfSize(n))
		for b.Loop() {
			p.UpdateFirst(func(c *crdt.GCounter) crdt.GCounter { return c.Add("shard-0", 1) })
		}
	})
}

// BenchmarkPairMergeOneElement merges a count and one element, which is known, into n.
func BenchmarkPairMergeOneElement(b *testing.B) {
	forSizes(b, func(b *testing.B, n int) {
		p, delta := crdt.PairOf(crdt.GCounter{}, setOfSize(n)), crdt.PairOf(counter("shard-0", 1), crdt.GSetOf[uint64](2))
		for b.Loop() {
			p.Merge(&delta)
		}
	})
}

func BenchmarkPairDelta(b *testing.B) {
	forSizes(b, func(b *testing.B, n int) {
		p, since := crdt.PairOf(counter("shard-0", 1), setOfSize(n)), crdt.PairOf(crdt.GCounter{}, setOfSize(n-1))
		for b.Loop() {
			p.Delta(&since)
		}
	})
}

func BenchmarkPairAppend(b *testing.B) {
	forSizes(b, func(b *testing.B, n int) {
		p := crdt.PairOf(counter("shard-0", 1), setOfSize(n))
		var buf []byte
		for b.Loop() {
			buf, _ = p.AppendBinary(buf[:0])
		}
	})
}
