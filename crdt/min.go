package crdt

// Min is the smallest value seen: a lattice in which smaller is above. It merges by minimum; the zero Min
// has seen none. Plain copies are independent.
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

// Value returns the smallest value seen so far; ok is false if there is none.
func (m *Min[T]) Value() (v T, ok bool) { return m.min, m.seen }

// Merge makes m the smaller of the two and reports whether it changed, that is, grew in the order of the lattice.
func (m *Min[T]) Merge(other *Min[T]) (grew bool) {
	if !other.seen || m.seen && other.min >= m.min {
		return false
	}
	*m = *other
	return true
}

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
