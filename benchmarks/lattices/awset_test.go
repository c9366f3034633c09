package lattices_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// The add-wins set is what most stateful operators would be made of, and the type whose costs are hardest to guess: it has a closer look.

// elements are the elements of sets of one type, in a random order. They are made once.
type elements[T crdt.Ordered] struct {
	make func(r uint64) T
	all  []T
}

func (e *elements[T]) first(n int) []T {
	if len(e.all) == 0 {
		r := rand.New(rand.NewPCG(1, 1))
		e.all = make([]T, largest())
		for i := range e.all {
			e.all[i] = e.make(r.Uint64())
		}
	}
	return e.all[:n]
}

var (
	awStrings = elements[string]{make: func(r uint64) string { return "user-" + strconv.FormatUint(r, 36) }}
	awNumbers = elements[uint64]{make: func(r uint64) uint64 { return r }}
)

// addsOf returns a set of some elements.
func addsOf[T crdt.Ordered](keys []T) (s crdt.AWSet[T]) {
	for _, k := range keys {
		s.Add("shard-0", k)
	}
	return s
}

// awSizes runs a benchmark on sets of several sizes.
func awSizes[T crdt.Ordered](b *testing.B, of *elements[T], run func(b *testing.B, keys []T)) {
	b.Helper()
	for _, n := range []int{10, 1000, largest()} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			run(b, of.first(n))
		})
	}
}

// BenchmarkAWSetFill adds new elements to a set, until it has n.
func BenchmarkAWSetFill(b *testing.B) {
	b.Run("strings", func(b *testing.B) { awSizes(b, &awStrings, fill[string]) })
	b.Run("numbers", func(b *testing.B) { awSizes(b, &awNumbers, fill[uint64]) })
}

func fill[T crdt.Ordered](b *testing.B, keys []T) {
	before := heap()
	full := addsOf(keys)
	taken := heap() - before
	n := full.Len()
	full = crdt.AWSet[T]{}
	var s crdt.AWSet[T]
	for i := 0; b.Loop(); i++ {
		if i == n {
			s, i = crdt.AWSet[T]{}, 0
		}
		s.Add("shard-0", keys[i])
	}
	b.ReportMetric(float64(taken)/float64(n), "B/element")
}

// BenchmarkAWSetRemoveAdd removes an element and adds it again.
func BenchmarkAWSetRemoveAdd(b *testing.B) {
	b.Run("strings", func(b *testing.B) { awSizes(b, &awStrings, removeAdd[string]) })
	b.Run("numbers", func(b *testing.B) { awSizes(b, &awNumbers, removeAdd[uint64]) })
}

func removeAdd[T crdt.Ordered](b *testing.B, keys []T) {
	s := addsOf(keys)
	for i := 0; b.Loop(); i++ {
		k := keys[i*7919%len(keys)]
		s.Remove(k)
		s.Add("shard-0", k)
	}
}

// BenchmarkAWSetContains asks for elements that are there.
func BenchmarkAWSetContains(b *testing.B) {
	awSizes(b, &awStrings, func(b *testing.B, keys []string) {
		s := addsOf(keys)
		for i := 0; b.Loop(); i++ {
			s.Contains(keys[i*7919%len(keys)])
		}
	})
}

// BenchmarkAWSetMergeDelta merges the delta of one removal and that of one add.
func BenchmarkAWSetMergeDelta(b *testing.B) {
	b.Run("strings", func(b *testing.B) { awSizes(b, &awStrings, mergeDeltas[string]) })
	b.Run("numbers", func(b *testing.B) { awSizes(b, &awNumbers, mergeDeltas[uint64]) })
}

func mergeDeltas[T crdt.Ordered](b *testing.B, keys []T) {
	s := addsOf(keys)
	deltas := make([]crdt.AWSet[T], 2*min(len(keys), 10_000))
	other := crdt.Clone(&s)
	for i := range len(deltas) / 2 {
		k := keys[i*7919%len(keys)]
		deltas[2*i], deltas[2*i+1] = s.Remove(k), s.Add("shard-0", k)
	}
	fresh := crdt.Clone(&other)
	for i := 0; b.Loop(); i++ {
		if i == len(deltas)/2 {
			b.StopTimer()
			i, fresh = 0, crdt.Clone(&other)
			b.StartTimer()
		}
		fresh.Merge(&deltas[2*i])
		fresh.Merge(&deltas[2*i+1])
	}
}

// BenchmarkAWSetMergeState merges a full state that differs in one element.
func BenchmarkAWSetMergeState(b *testing.B) {
	awSizes(b, &awStrings, func(b *testing.B, keys []string) {
		s := addsOf(keys)
		other := crdt.Clone(&s)
		for b.Loop() {
			s.Add("shard-0", keys[0])
			other.Merge(&s)
		}
	})
}

func BenchmarkAWSetClone(b *testing.B) {
	awSizes(b, &awStrings, func(b *testing.B, keys []string) {
		s := addsOf(keys)
		for b.Loop() {
			crdt.Clone(&s)
		}
	})
}

func BenchmarkAWSetUnmarshal(b *testing.B) {
	awSizes(b, &awStrings, func(b *testing.B, keys []string) {
		s := addsOf(keys)
		data, _ := s.AppendBinary(nil)
		for b.Loop() {
			var x crdt.AWSet[string]
			_ = x.UnmarshalBinary(data)
		}
	})
}
