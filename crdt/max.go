package crdt

// Max is the largest value seen. It merges by maximum; the zero Max has seen none. Plain copies are independent.
type Max[T Ordered] struct {
	max  T
	seen bool
}

// MaxOf returns a Max that has seen v.
func MaxOf[T Ordered](v T) Max[T] { return Max[T]{max: v, seen: true} }

// Add observes v and returns the delta: bottom if v changed nothing.
func (m *Max[T]) Add(v T) (delta Max[T]) {
	if m.seen && v <= m.max {
		return delta
	}
	*m = MaxOf(v)
	return *m
}

// Value returns the largest value seen so far; ok is false if there is none.
func (m *Max[T]) Value() (v T, ok bool) { return m.max, m.seen }

// Merge makes m the larger of the two and reports whether it grew.
func (m *Max[T]) Merge(other *Max[T]) (grew bool) {
	if !other.seen || m.seen && other.max <= m.max {
		return false
	}
	*m = *other
	return true
}

// AppendBinary appends the encoding of m to b. The error is always nil.
func (m *Max[T]) AppendBinary(b []byte) ([]byte, error) { return appendOptional(b, m.max, m.seen), nil }

// UnmarshalBinary replaces m with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], m is as before.
func (m *Max[T]) UnmarshalBinary(data []byte) error {
	v, seen, err := readOptional[T]("Max", data)
	if err != nil {
		return err
	}
	*m = Max[T]{max: v, seen: seen}
	return nil
}

// appendOptional encodes a Max or a Min.
func appendOptional[T Ordered](b []byte, v T, seen bool) []byte {
	b = append(b, version1)
	if seen {
		b = appendElement(b, v)
	}
	return b
}

func readOptional[T Ordered](typ string, data []byte) (v T, seen bool, err error) {
	r := open(typ, data)
	if seen = len(data) > 1; seen {
		v = readElement[T](&r)
	}
	return v, seen, r.close()
}
