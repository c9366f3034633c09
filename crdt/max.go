package crdt

import (
	"encoding/json"
	"iter"
)

// Max is the largest value seen. It merges by maximum; the zero Max has seen none. Plain copies are independent.
//
// Class of reads: Value is monotone, a lower bound of the largest value everywhere. Ask [MaxAtLeast], or read it after a seal.
//
// All its operations are O(1), without allocation.
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

// Value returns the largest value seen so far, a lower bound; ok is false if there is none.
func (m *Max[T]) Value() (v T, ok bool) { return m.max, m.seen }

// Merge makes m the larger of the two and reports whether it grew.
func (m *Max[T]) Merge(other *Max[T]) (grew bool) {
	if !other.seen || m.seen && other.max <= m.max {
		return false
	}
	*m = *other
	return true
}

// Decompose yields m if it has seen a value. It does not come apart.
func (m *Max[T]) Decompose() iter.Seq[Max[T]] {
	return func(yield func(Max[T]) bool) {
		if m.seen {
			yield(*m)
		}
	}
}

// Delta returns m if since is below it, else bottom.
func (m *Max[T]) Delta(since *Max[T]) (delta Max[T]) {
	if m.seen && (!since.seen || m.max > since.max) {
		return *m
	}
	return delta
}

// MarshalJSON shows the value, or null if there is none.
func (m Max[T]) MarshalJSON() ([]byte, error) { return optionalJSON(m.max, m.seen) }

// Encoding, version 1: see encoding.go.

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

func optionalJSON[T Ordered](v T, seen bool) ([]byte, error) {
	if !seen {
		return []byte("null"), nil
	}
	return json.Marshal(v)
}
