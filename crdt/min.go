package crdt

import "iter"

// Min is the smallest value seen: a lattice in which smaller is above. It merges by minimum; the zero Min
// has seen none. Plain copies are independent.
//
// Class of reads: Value is monotone, an upper bound of the smallest value everywhere. Ask [MinAtMost], or read it after a seal.
//
// All its operations are O(1), without allocation.
type Min[T Ordered] struct {
	min  T // named unlike the field of Max, so that Go refuses to convert one into the other
	seen bool
}

// MinOf returns a Min that has seen v.
func MinOf[T Ordered](v T) Min[T] { return Min[T]{min: v, seen: true} }

// Add observes v and returns the delta: bottom if v changed nothing.
func (m *Min[T]) Add(v T) (delta Min[T]) {
	if m.seen && v >= m.min {
		return delta
	}
	*m = MinOf(v)
	return *m
}

// Value returns the smallest value seen so far, an upper bound; ok is false if there is none.
func (m *Min[T]) Value() (v T, ok bool) { return m.min, m.seen }

// Merge makes m the smaller of the two and reports whether it changed, that is, grew in the order of the lattice.
func (m *Min[T]) Merge(other *Min[T]) (grew bool) {
	if !other.seen || m.seen && other.min >= m.min {
		return false
	}
	*m = *other
	return true
}

// Decompose yields m if it has seen a value. It does not come apart.
func (m *Min[T]) Decompose() iter.Seq[Min[T]] {
	return func(yield func(Min[T]) bool) {
		if m.seen {
			yield(*m)
		}
	}
}

// Delta returns m if since is below it, else bottom.
func (m *Min[T]) Delta(since *Min[T]) (delta Min[T]) {
	if m.seen && (!since.seen || m.min < since.min) {
		return *m
	}
	return delta
}

// MarshalJSON shows the value, or null if there is none.
func (m Min[T]) MarshalJSON() ([]byte, error) { return optionalJSON(m.min, m.seen) }

// Encoding, version 1: see encoding.go.

// AppendBinary appends the encoding of m to b. The error is always nil.
func (m *Min[T]) AppendBinary(b []byte) ([]byte, error) { return appendOptional(b, m.min, m.seen), nil }

// UnmarshalBinary replaces m with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], m is as before.
func (m *Min[T]) UnmarshalBinary(data []byte) error {
	v, seen, err := readOptional[T]("Min", data)
	if err != nil {
		return err
	}
	*m = Min[T]{min: v, seen: seen}
	return nil
}
