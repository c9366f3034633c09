package crdt

import "iter"

// MaxK has the k largest different values seen. It merges by union, of which it keeps the k largest. The zero MaxK has seen none.
//
// K belongs to the value, and two that differ merge to the smaller one: the larger would claim to know values that were dropped. Make every copy by
// [NewMaxK] with the same k. The zero MaxK states none; it takes the k of what is merged into it, and keeps everything until then.
//
// Class of reads: that the k-th largest value is at least v is an UpSet, [KthLargestAtLeast]. Which values are among the k is not
// monotone: a larger one pushes a smaller one out. Read All after a seal.
//
// MaxK has no Decompose. Its lattice is not distributive: with k = 2, {1} is below the merge of {2} and {3}, though below
// neither; so there is no least value that brings {2} above {1}, as {1} and {3} both do. Delta is the least that gives the same merge.
//
// It takes a T for each value if they come in order, and up to two thirds more if not: up to 14 bytes for a uint64. Use [Clone] to
// copy one.
type MaxK[T Ordered] struct {
	values kBest[ranked[T, highest]]
}

// NewMaxK returns a MaxK for the k largest values, which has seen none. If k is below 1 it states no limit: it is the bottom.
func NewMaxK[T Ordered](k int) (m MaxK[T]) {
	m.values.limit(limitOf(k))
	return m
}

// MaxKOf returns a MaxK for the k largest values, which has seen vs.
func MaxKOf[T Ordered](k int, vs ...T) MaxK[T] {
	m := NewMaxK[T](k)
	for _, v := range vs {
		m.Add(v)
	}
	return m
}

// Add observes v and returns the delta: v alone, or bottom if v is not among the k largest or was there. O(log k), and O(1) for
// a value that is too small.
func (m *MaxK[T]) Add(v T) (delta MaxK[T]) { return MaxK[T]{m.values.observe(ranked[T, highest]{v})} }

// K returns the limit; 0 if none is known.
func (m *MaxK[T]) K() int { return int(m.values.k) }

// Len returns the number of values kept.
func (m *MaxK[T]) Len() int { return m.values.items.n }

// All yields the values kept, the largest first. It is not monotone: read it after a seal. The MaxK must not change meanwhile.
func (m *MaxK[T]) All() iter.Seq[T] { return valuesOf(&m.values) }

// KthLargestAtLeast holds once k different values of v or more have been seen, where k is that of the MaxK.
func KthLargestAtLeast[T Ordered](v T) UpSet[MaxK[T]] {
	return UpSet[MaxK[T]]{
		name:  "k-th largest >= " + elementName(v),
		holds: func(m *MaxK[T]) bool { return m.values.reached(ranked[T, highest]{v}) },
	}
}

// Merge adds the values of other, takes its k if that is smaller, and reports whether m grew. It stops at the first value
// that is too small. O(n log k) for n values before that.
func (m *MaxK[T]) Merge(other *MaxK[T]) (grew bool) { return m.values.merge(&other.values) }

// Delta returns the values of m that are in its merge with since but not in since: no other value that gives the same merge has
// fewer. It has the k of m. O((n+m) log k) for n values here and m there.
func (m *MaxK[T]) Delta(since *MaxK[T]) MaxK[T] { return MaxK[T]{m.values.delta(&since.values)} }

// MarshalJSON shows k, which is null if none is known, and the values, the largest first.
func (m MaxK[T]) MarshalJSON() ([]byte, error) { return marshalValues(&m.values) }

// Encoding, version 1:
//
//	MaxK   version | k | n | element * n      strictly descending; k is 0 if there is no limit, else n is at most k

// AppendBinary appends the encoding of m to b. The error is always nil.
func (m *MaxK[T]) AppendBinary(b []byte) ([]byte, error) { return appendValues(b, &m.values), nil }

// UnmarshalBinary replaces m with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], m is as before.
func (m *MaxK[T]) UnmarshalBinary(data []byte) error { return decodeValues("MaxK", data, &m.values) }
