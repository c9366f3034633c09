package crdt

import "iter"

// MinK has the k smallest different values seen. It is [MaxK] with the order turned round: what is said there of k, of deltas and
// of memory holds here.
//
// Class of reads: that the k-th smallest value is at most v is an UpSet, [KthSmallestAtMost]. Which values are among the k is not
// monotone. Read All after a seal.
type MinK[T Ordered] struct {
	values kBest[ranked[T, lowest]]
}

// NewMinK returns a MinK for the k smallest values, which has seen none. If k is below 1 it states no limit: it is the bottom.
func NewMinK[T Ordered](k int) (m MinK[T]) {
	m.values.limit(limitOf(k))
	return m
}

// MinKOf returns a MinK for the k smallest values, which has seen vs.
func MinKOf[T Ordered](k int, vs ...T) MinK[T] {
	m := NewMinK[T](k)
	for _, v := range vs {
		m.Add(v)
	}
	return m
}

// Add observes v and returns the delta: v alone, or bottom if v is not among the k smallest or was there. O(log k), and O(1) for
// a value that is too large.
func (m *MinK[T]) Add(v T) (delta MinK[T]) { return MinK[T]{m.values.observe(ranked[T, lowest]{v})} }

// K returns the limit; 0 if none is known.
func (m *MinK[T]) K() int { return int(m.values.k) }

// Len returns the number of values kept.
func (m *MinK[T]) Len() int { return m.values.items.n }

// All yields the values kept, the smallest first. It is not monotone: read it after a seal. The MinK must not change meanwhile.
func (m *MinK[T]) All() iter.Seq[T] { return valuesOf(&m.values) }

// KthSmallestAtMost holds once k different values of v or less have been seen, where k is that of the MinK.
func KthSmallestAtMost[T Ordered](v T) UpSet[MinK[T]] {
	return UpSet[MinK[T]]{
		name:  "k-th smallest <= " + elementName(v),
		holds: func(m *MinK[T]) bool { return m.values.reached(ranked[T, lowest]{v}) },
	}
}

// Merge adds the values of other, takes its k if that is smaller, and reports whether m changed, that is, grew in the order of
// the lattice. Its cost is that of [MaxK.Merge].
func (m *MinK[T]) Merge(other *MinK[T]) (grew bool) { return m.values.merge(&other.values) }

// Delta returns the values of m that are in its merge with since but not in since, with the k of m. Its cost is that of [MaxK.Delta].
func (m *MinK[T]) Delta(since *MinK[T]) MinK[T] { return MinK[T]{m.values.delta(&since.values)} }

// MarshalJSON shows k, which is null if none is known, and the values, the smallest first.
func (m MinK[T]) MarshalJSON() ([]byte, error) { return marshalValues(&m.values) }

// Encoding, version 1:
//
//	MinK   version | k | n | element * n      strictly ascending; k is 0 if there is no limit, else n is at most k

// AppendBinary appends the encoding of m to b. The error is always nil.
func (m *MinK[T]) AppendBinary(b []byte) ([]byte, error) { return appendValues(b, &m.values), nil }

// UnmarshalBinary replaces m with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], m is as before.
func (m *MinK[T]) UnmarshalBinary(data []byte) error { return decodeValues("MinK", data, &m.values) }
