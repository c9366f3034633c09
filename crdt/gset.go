package crdt

import (
	"encoding/json"
	"iter"
	"slices"
)

// GSet is a set that only grows. It merges by union; the zero GSet is empty. Use [Clone] to copy one.
//
// It is kept sorted: a lookup and an insertion are O(log n), also in the worst case.
//
// A GSet is 32 bytes. An element that is an int64 or uint64 takes 12 bytes in a large set, or 9 if they were added in ascending order; a
// string 27 or 17, besides its text.
//
// Class of reads: Contains, Len and All are monotone. What is there stays, so they are lower bounds: ask [Contains] and [SizeAtLeast], or
// read them after a seal. What is not there may be on its way.
type GSet[T Ordered] struct {
	elements table[T, struct{}]
}

// GSetOf returns the set of xs.
func GSetOf[T Ordered](xs ...T) GSet[T] {
	var s GSet[T]
	for _, x := range xs {
		s.insert(x)
	}
	return s
}

// Add puts x into the set and returns the delta: the set of x alone, or bottom if x was there.
func (s *GSet[T]) Add(x T) (delta GSet[T]) {
	if s.insert(x) {
		delta.insert(x)
	}
	return delta
}

func (s *GSet[T]) insert(x T) (added bool) {
	_, added = s.elements.put(x)
	return added
}

// Contains reports whether x is known to be in the set.
func (s *GSet[T]) Contains(x T) bool { return s.elements.find(x) != nil }

// Len returns the number of elements known.
func (s *GSet[T]) Len() int { return s.elements.len() }

// All yields the elements known, in ascending order. The set must not change meanwhile.
func (s *GSet[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for e := range s.elements.all {
			if !yield(e.k) {
				return
			}
		}
	}
}

// Merge adds the elements of other and reports whether any was new. O(m log n) for m elements among n, and O(m+n).
func (s *GSet[T]) Merge(other *GSet[T]) (grew bool) {
	if few := other.elements.base; len(few) == 1 { // the delta of Add
		return s.insert(few[0].k)
	}
	return s.elements.join(&other.elements, func(_, _ *struct{}) bool { return false })
}

// Decompose yields the set of each element alone, in ascending order.
func (s *GSet[T]) Decompose() iter.Seq[GSet[T]] {
	return func(yield func(GSet[T]) bool) {
		for e := range s.elements.all {
			if !yield(GSetOf(e.k)) {
				return
			}
		}
	}
}

// Delta returns the elements that since lacks. O(n log m) for n elements here and m there, and O(n+m).
func (s *GSet[T]) Delta(since *GSet[T]) (delta GSet[T]) {
	at := since.elements.cursor()
	for e := range s.elements.all {
		if at.find(e.k) == nil {
			delta.elements.push(e.k)
		}
	}
	return delta
}

// MarshalJSON shows the elements known as an array, in ascending order.
func (s GSet[T]) MarshalJSON() ([]byte, error) { return json.Marshal(slices.AppendSeq([]T{}, s.All())) }

// AppendBinary appends the encoding of s to b. The error is always nil.
func (s *GSet[T]) AppendBinary(b []byte) ([]byte, error) {
	return s.elements.appendKeys(append(b, version1)), nil
}

// UnmarshalBinary replaces s with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], s is as before.
func (s *GSet[T]) UnmarshalBinary(data []byte) error {
	r := open("GSet", data)
	elements := readKeys[T, struct{}](&r)
	if err := r.close(); err != nil {
		return err
	}
	s.elements = elements
	return nil
}
