package crdt_test

import (
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// setOfSize makes a set of n elements, every second number from 0 on.
func setOfSize(n int) (s crdt.GSet[uint64]) {
	for i := range uint64(n) {
		s.Add(2 * i)
	}
	return s
}

// BenchmarkLexMergeOneElement merges one element, which is known, into n under the same key.
func BenchmarkLexMergeOneElement(b *testing.B) {
	forSizes(b, func(b *testing.B, n int) {
		l, delta := crdt.LexOf(1, setOfSize(n)), crdt.LexOf(1, crdt.GSetOf[uint64](2))
		for b.Loop() {
			l.Merge(&delta)
		}
	})
}

// BenchmarkLexRaiseKey replaces n elements by one.
func BenchmarkLexRaiseKey(b *testing.B) {
	forSizes(b, func(b *testing.B, n int) {
		l := crdt.LexOf(0, setOfSize(n))
		for key := 1; b.Loop(); key++ {
			l.Update(key, crdt.GSetOf[uint64](2))
		}
	})
}

func BenchmarkLexDelta(b *testing.B) {
	forSizes(b, func(b *testing.B, n int) {
		l, since := crdt.LexOf(1, setOfSize(n)), crdt.LexOf(1, setOfSize(n-1))
		for b.Loop() {
			l.Delta(&since)
		}
	})
}

func BenchmarkLexAppend(b *testing.B) {
	forSizes(b, func(b *testing.B, n int) {
		l := crdt.LexOf(1, setOfSize(n))
		var buf []byte
		for b.Loop() {
			buf, _ = l.AppendBinary(buf[:0])
		}
	})
}
