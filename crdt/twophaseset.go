package crdt

import (
	"encoding/json"
	"iter"
	"slices"
	"strconv"
)

// TwoPhaseSet is a set from which elements can be removed, once and for all (the 2P-Set of Shapiro et al., 2011; the shopping cart of "Keep
// CALM and CRDT On", example 1). It is a pair of sets that only grow: A, what was ever added, and R, what was removed of that. It merges
// by union of each; the zero TwoPhaseSet is empty.
//
// An element that was removed cannot return: adding it again changes nothing, here and after any merge. Where it must be able to, use an
// observed-remove set.
//
// Removing what is not known to have been added changes nothing either, rather than forbid an addition that is under way. So a
// removal says that there was an addition: R is a part of A in every state, whatever deltas have arrived, and each element
// is unknown, then added, then removed.
//
// Class of reads: A and R are monotone, and so are their sizes: ask [EverAdded], [EverRemoved], [ChangesAtLeast]. What is in the set is A−R,
// which is not monotone: Contains, Len and All may be contradicted by a removal, or an addition, that is under way. Read them after a
// seal.
//
// It is kept sorted: a lookup and an update are O(log n) in the number of elements ever added. Memory is never given
// back: an element takes 24 bytes if it is an int64 or uint64, and 37 if it is a string, besides its text, whether it is in the set
// or was removed. Use [Clone] to copy one.
type TwoPhaseSet[T Ordered] struct {
	elements table[T, bool] // A, with whether in R
	removed  int            // how many are
}

// Add puts x into the set and returns the delta, bottom if x is in the set or was removed.
func (s *TwoPhaseSet[T]) Add(x T) (delta TwoPhaseSet[T]) {
	if s.raise(x, false) {
		delta.raise(x, false)
	}
	return delta
}

// Remove takes x out of the set for ever and returns the delta, bottom if x was never added as far as known here, or was removed.
func (s *TwoPhaseSet[T]) Remove(x T) (delta TwoPhaseSet[T]) {
	if s.WasAdded(x) && s.raise(x, true) {
		delta.raise(x, true)
	}
	return delta
}

// raise makes x added or removed and reports whether it was less.
func (s *TwoPhaseSet[T]) raise(x T, removed bool) bool {
	at, added := s.elements.put(x)
	return s.lift(at, removed) || added
}

// lift removes the element at, if it is to be removed, and reports whether it was not.
func (s *TwoPhaseSet[T]) lift(at *bool, removed bool) bool {
	if !removed || *at {
		return false
	}
	*at = true
	s.removed++
	return true
}

// Contains reports whether x is in the set as far as known here. It is not monotone: read it after a seal.
func (s *TwoPhaseSet[T]) Contains(x T) bool {
	removed := s.elements.find(x)
	return removed != nil && !*removed
}

// WasAdded reports whether x is known to have been added, removed since or not. True is final, false is not.
func (s *TwoPhaseSet[T]) WasAdded(x T) bool { return s.elements.find(x) != nil }

// WasRemoved reports whether x is known to have been removed. True is final, false is not.
func (s *TwoPhaseSet[T]) WasRemoved(x T) bool {
	removed := s.elements.find(x)
	return removed != nil && *removed
}

// Len returns the number of elements in the set as far as known here. It is not monotone: read it after a seal. O(1).
func (s *TwoPhaseSet[T]) Len() int { return s.elements.len() - s.removed }

// Changes returns |A|+|R|, the number of additions and removals that had an effect. It is a lower bound. O(1).
func (s *TwoPhaseSet[T]) Changes() int { return s.elements.len() + s.removed }

// All yields the elements that are in the set as far as known here, in ascending order. They are not monotone: read them
// after a seal. The set must not change meanwhile.
func (s *TwoPhaseSet[T]) All() iter.Seq[T] { return s.those(false) }

// Removed yields the elements known to have been removed, in ascending order. They only become more. The set must not change meanwhile.
func (s *TwoPhaseSet[T]) Removed() iter.Seq[T] { return s.those(true) }

func (s *TwoPhaseSet[T]) those(removed bool) iter.Seq[T] {
	return func(yield func(T) bool) {
		for e := range s.elements.all {
			if e.v == removed && !yield(e.k) {
				return
			}
		}
	}
}

// EverAdded holds once x was added, whether or not it is removed.
func EverAdded[T Ordered](x T) UpSet[TwoPhaseSet[T]] {
	return UpSet[TwoPhaseSet[T]]{
		name:  "ever added " + elementName(x),
		holds: func(s *TwoPhaseSet[T]) bool { return s.WasAdded(x) },
	}
}

// EverRemoved holds once x was removed.
func EverRemoved[T Ordered](x T) UpSet[TwoPhaseSet[T]] {
	return UpSet[TwoPhaseSet[T]]{
		name:  "ever removed " + elementName(x),
		holds: func(s *TwoPhaseSet[T]) bool { return s.WasRemoved(x) },
	}
}

// ChangesAtLeast holds once |A|+|R| has reached n: the rate limit of "Keep CALM and CRDT On" §3.1. ChangesAtLeast(0) holds always.
func ChangesAtLeast[T Ordered](n int) UpSet[TwoPhaseSet[T]] {
	return UpSet[TwoPhaseSet[T]]{
		name:  "added + removed >= " + strconv.Itoa(n),
		holds: func(s *TwoPhaseSet[T]) bool { return s.Changes() >= n },
	}
}

// Merge adds what other has added, removes what it has removed, and reports whether that changed anything. O(m log n) for m
// elements among n, and O(m+n).
func (s *TwoPhaseSet[T]) Merge(other *TwoPhaseSet[T]) (grew bool) {
	if few := other.elements.base; len(few) == 1 { // a delta
		return s.raise(few[0].k, few[0].v)
	}
	return s.elements.join(&other.elements, func(mine, theirs *bool) bool { return s.lift(mine, *theirs) })
}

// Decompose yields the set of each element alone, added or removed, in ascending order.
func (s *TwoPhaseSet[T]) Decompose() iter.Seq[TwoPhaseSet[T]] {
	return func(yield func(TwoPhaseSet[T]) bool) {
		for e := range s.elements.all {
			var part TwoPhaseSet[T]
			part.raise(e.k, e.v)
			if !yield(part) {
				return
			}
		}
	}
}

// Delta returns the elements that since lacks, or has not removed. O(n log m) for n elements here and m there, and O(n+m).
func (s *TwoPhaseSet[T]) Delta(since *TwoPhaseSet[T]) (delta TwoPhaseSet[T]) {
	at := since.elements.cursor()
	for e := range s.elements.all {
		if theirs := at.find(e.k); theirs == nil || e.v && !*theirs {
			delta.lift(delta.elements.push(e.k), e.v)
		}
	}
	return delta
}

// MarshalJSON shows the elements that are in the set, and those that were removed, in ascending order.
func (s TwoPhaseSet[T]) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Elements []T `json:"elements"`
		Removed  []T `json:"removed"`
	}{slices.AppendSeq([]T{}, s.All()), slices.AppendSeq([]T{}, s.Removed())})
}

// Encoding, version 1:
//
//	TwoPhaseSet  version | n | element * n | bits      elements strictly ascending: A
//	bits         one for each element, set if it is in R: (n+7)/8 bytes, the first element in the lowest bit of
//	             the first byte, unused bits 0

// AppendBinary appends the encoding of s to b. The error is always nil.
func (s *TwoPhaseSet[T]) AppendBinary(b []byte) ([]byte, error) {
	b = s.elements.appendKeys(append(b, version1))
	at := 8 * len(b)
	b = append(b, make([]byte, (s.elements.len()+7)/8)...)
	for e := range s.elements.all {
		if e.v {
			b[at/8] |= 1 << (at % 8)
		}
		at++
	}
	return b, nil
}

// UnmarshalBinary replaces s with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], s is as before.
func (s *TwoPhaseSet[T]) UnmarshalBinary(data []byte) error {
	r := open("TwoPhaseSet", data)
	d := TwoPhaseSet[T]{elements: readKeys[T, bool](&r)}
	d.readRemoved(&r)
	if err := r.close(); err != nil {
		return err
	}
	*s = d
	return nil
}

func (s *TwoPhaseSet[T]) readRemoved(r *reader) {
	n := s.elements.len()
	bits := r.take((n + 7) / 8)
	if r.err != nil {
		return
	}
	i := 0
	for e := range s.elements.all {
		s.lift(&e.v, bits[i/8]>>(i%8)&1 == 1)
		i++
	}
	if n%8 != 0 && bits[n/8]>>(n%8) != 0 {
		r.corrupt("a bit is set for no element")
	}
}
