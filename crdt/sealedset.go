package crdt

import (
	"encoding/json"
	"iter"
	"math"
)

// SealedSet is a set whose producer says how many elements it has: elements at positions 0, 1, …, and a length that is declared
// once, before, with or after the last of them. It is complete when the length is known and every position below it
// is there; whoever holds it then knows so locally, without asking anybody. It is the sealed manifest of "Initial Steps Toward a
// Compiler for Distributed Programs" (ApPLIED 2023, §4.2), and the cart lattice of Conway et al., "Logic and Lattices for
// Distributed Programming" (SoCC 2012). The zero SealedSet has no element and no length.
//
// It merges position by position; each position, and the length, is assigned once. T may be a string, which carries any bytes.
//
// The law that its users keep: one producer, or several that give the same element to the same position and the same
// length. Two elements for a position, two lengths, or an element at or beyond the length are a conflict: see Conflict.
// A position that is put twice with the same element is no conflict.
//
// Class of reads: Get and Length are final as long as the law is kept, Len is a lower bound. The content as a whole is not
// monotone before it is complete, and Content does not return it before; complete is an UpSet, [Complete], and is
// free termination too: see Settled.
//
// It takes 8 bytes and a T for each element, with some room to grow: 18 bytes for an int64, measured with a million. Use [Clone] to copy one.
type SealedSet[T Ordered] struct {
	elements assigned[uint64, T]
	last     uint64 // the largest position, if there is any element
	// The lengths declared: the smallest, and the largest, which is another only in a conflict.
	shortest, longest uint64
	declared          bool
}

// Put puts x at a position, counted from 0, and returns the delta: that alone, or bottom if it was there. Another element at the
// same position is a conflict. O(log n), and O(1) moves if positions come in order; else as an insertion into a GSet.
func (s *SealedSet[T]) Put(position uint64, x T) (delta SealedSet[T]) {
	if s.put(position, x) {
		delta.put(position, x)
	}
	return delta
}

func (s *SealedSet[T]) put(position uint64, x T) bool {
	s.last = max(s.last, position)
	return s.elements.put(position, x, nothing[T])
}

// nothing is for those who do not want to know.
func nothing[T any](_, _ T) {}

// Declare says how many elements there are in all, and returns the delta: that alone, or bottom if it was known. Another length
// than the one declared is a conflict.
func (s *SealedSet[T]) Declare(length uint64) (delta SealedSet[T]) {
	if s.declare(length) {
		delta.declare(length)
	}
	return delta
}

func (s *SealedSet[T]) declare(length uint64) (grew bool) {
	switch {
	case !s.declared:
		s.shortest, s.longest, s.declared = length, length, true
	case length < s.shortest:
		s.shortest = length
	case length > s.longest:
		s.longest = length
	default:
		return false
	}
	return true
}

// Get returns the element at a position; ok is false if there is none yet, and if there are two.
func (s *SealedSet[T]) Get(position uint64) (x T, ok bool) {
	low, high, ok := s.elements.get(position)
	if low != high {
		return x, false
	}
	return low, ok
}

// Length returns the length declared; ok is false if there is none yet, and if there are two.
func (s *SealedSet[T]) Length() (n uint64, ok bool) {
	if s.shortest != s.longest {
		return 0, false
	}
	return s.shortest, s.declared
}

// Len returns the number of positions known, which may grow until the set is complete.
func (s *SealedSet[T]) Len() int { return s.elements.low.len() }

// Content yields the elements in the order of their positions. It is only given when it will not change: ok is false, and the
// sequence empty, as long as the set is not complete, and at a conflict. The set must not change meanwhile.
func (s *SealedSet[T]) Content() (all iter.Seq[T], ok bool) {
	if !s.Settled() || s.Conflict() {
		return func(func(T) bool) {}, false
	}
	return func(yield func(T) bool) {
		for e := range s.elements.low.all {
			if !yield(e.v) {
				return
			}
		}
	}, true
}

// Conflict reports that the law was broken: two elements for a position, two lengths, or an element at or beyond the length. True is
// final. Which of them was meant is not known; MarshalJSON shows what was assigned.
func (s *SealedSet[T]) Conflict() bool {
	return s.elements.conflict() || s.shortest != s.longest || s.declared && s.Len() > 0 && s.last >= s.shortest
}

// Conflicts yields the positions with two elements or more, in ascending order. The set must not change meanwhile.
func (s *SealedSet[T]) Conflicts() iter.Seq[uint64] { return s.elements.conflicts }

// Settled reports that the set is complete: it can only change to a conflict. O(1), but O(n) at some conflicts.
func (s *SealedSet[T]) Settled() bool {
	n := uint64(s.Len())
	switch {
	case !s.declared || n < s.shortest:
		return false
	case n == 0 || s.last == n-1: // n different positions, and none above n-1: they are 0 to n-1
		return true
	}
	// There are enough elements, and some at or beyond the length.
	next := uint64(0)
	for e := range s.elements.low.all {
		if e.k != next || next == s.shortest {
			break
		}
		next++
	}
	return next == s.shortest
}

// Complete holds once the length is known and every position below it is there. At a conflict, it goes by the smallest length
// that was declared.
func Complete[T Ordered]() UpSet[SealedSet[T]] {
	return UpSet[SealedSet[T]]{name: "complete", holds: (*SealedSet[T]).Settled}
}

// Merge puts the elements of other and declares its length, and reports whether any was new.
func (s *SealedSet[T]) Merge(other *SealedSet[T]) (grew bool) {
	if other.declared {
		grew = s.declare(other.shortest)
		grew = s.declare(other.longest) || grew
	}
	s.last = max(s.last, other.last)
	return s.elements.merge(&other.elements, nothing[T]) || grew
}

// Decompose yields the length alone, then each element alone, in the order of positions.
func (s *SealedSet[T]) Decompose() iter.Seq[SealedSet[T]] {
	return func(yield func(SealedSet[T]) bool) {
		if s.declared && !yield(declaredOf[T](s.shortest)) {
			return
		}
		if s.shortest != s.longest && !yield(declaredOf[T](s.longest)) {
			return
		}
		for position, x := range s.elements.parts() {
			var part SealedSet[T]
			part.put(position, x)
			if !yield(part) {
				return
			}
		}
	}
}

func declaredOf[T Ordered](length uint64) (s SealedSet[T]) {
	s.declare(length)
	return s
}

// Delta returns the elements that since lacks, and the length if it does. O(n log m) for n elements here and m there.
func (s *SealedSet[T]) Delta(since *SealedSet[T]) (delta SealedSet[T]) {
	if s.declared {
		for _, length := range []uint64{s.shortest, s.longest} {
			if !since.declared || length < since.shortest || length > since.longest {
				delta.declare(length)
			}
		}
	}
	delta.elements = s.elements.delta(&since.elements, nothing[T])
	for e := range delta.elements.low.all {
		delta.last = max(delta.last, e.k)
	}
	return delta
}

// MarshalJSON shows the length, whether the set is complete, and pairs of a position and its element. A
// conflict shows the positions with two elements, with both, and both lengths.
func (s SealedSet[T]) MarshalJSON() ([]byte, error) {
	type pair = [2]any
	shown := struct {
		Complete  bool     `json:"complete"`
		Length    *uint64  `json:"length"`
		Longest   *uint64  `json:"otherLength,omitempty"`
		Conflict  bool     `json:"conflict,omitempty"`
		Elements  []pair   `json:"elements"`
		Conflicts [][3]any `json:"conflicts,omitempty"`
	}{Complete: s.Settled(), Conflict: s.Conflict(), Elements: []pair{}}
	if s.declared {
		shown.Length = &s.shortest
	}
	if s.shortest != s.longest {
		shown.Longest = &s.longest
	}
	for e := range s.elements.low.all {
		shown.Elements = append(shown.Elements, pair{e.k, e.v})
	}
	for position := range s.Conflicts() {
		low, high, _ := s.elements.get(position)
		shown.Conflicts = append(shown.Conflicts, [3]any{position, low, high})
	}
	return json.Marshal(shown)
}

// Encoding, version 1:
//
//	SealedSet   version | lengths | n | (gap | element) * n | conflicts
//	lengths     0                       none
//	            1 | length              one
//	            2 | length | more       two: the smallest, and by how much the largest is above it
//	gap         position - (position before + 1), or the first position: 0 for positions without holes
//	conflicts   see assigned.go; its keys are positions, and its values the largest element where there are several

// AppendBinary appends the encoding of s to b. The error is always nil.
func (s *SealedSet[T]) AppendBinary(b []byte) ([]byte, error) {
	switch b = append(b, version1); {
	case !s.declared:
		b = append(b, 0)
	case s.shortest == s.longest:
		b = appendUvarint(append(b, 1), s.shortest)
	default:
		b = appendUvarint(appendUvarint(append(b, 2), s.shortest), s.longest-s.shortest)
	}
	b = appendUvarint(b, uint64(s.Len()))
	next := uint64(0)
	for e := range s.elements.low.all {
		b = appendElement(appendUvarint(b, e.k-next), e.v)
		next = e.k + 1
	}
	return s.elements.appendConflicts(b), nil
}

// UnmarshalBinary replaces s with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], s is as before.
func (s *SealedSet[T]) UnmarshalBinary(data []byte) error {
	r := open("SealedSet", data)
	var d SealedSet[T]
	d.readLengths(&r)
	position, full := uint64(0), false // full: the position before was the last there is
	for left := r.count(2); left > 0 && r.err == nil; left-- {
		gap := r.uvarint()
		if full || gap > math.MaxUint64-position {
			r.corrupt("a position exceeds 64 bits")
		}
		position += gap
		x := readElement[T](&r)
		if r.err != nil {
			break
		}
		d.put(position, x)
		full = position == math.MaxUint64
		position++
	}
	d.elements.readConflicts(&r)
	if err := r.close(); err != nil {
		return err
	}
	*s = d
	return nil
}

func (s *SealedSet[T]) readLengths(r *reader) {
	switch lengths := r.uvarint(); lengths {
	case 0:
	case 1:
		s.declare(r.uvarint())
	case 2:
		length, more := r.uvarint(), r.uvarint()
		if more == 0 || more > math.MaxUint64-length {
			r.corrupt("the largest length is not above the smallest")
		}
		s.declare(length)
		s.declare(length + more)
	default:
		r.corrupt("neither no length nor one nor two")
	}
}
