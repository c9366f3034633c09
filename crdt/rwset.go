package crdt

import (
	"encoding/json"
	"iter"
	"slices"
)

// RWSet is a set with removal in which a removal wins over an add that did not know of it (Almeida, Shoker, Baquero, JPDC 2018,
// §7.4.2). The zero RWSet is empty. Use [Clone] to copy one.
//
// It is a disable-wins flag for each element: each add and each removal has a [Dot] of its own and takes away those that it
// knows of, and an element is in the set if it has adds and no removals left.
//
// A removed element keeps one dot and its key, since an add that is still on its way must lose against it: unlike an [AWSet] it has
// something like a tombstone, until the element is added again.
//
// The law that its users keep: an origin names one history, such as the shard of a log, see [Dot].
//
// Class of reads: Contains, Len and All are not monotone, since elements may have been added and removed elsewhere: read them
// after a seal. That an update was heard of, or overtaken, is final: ask [Saw] and [Superseded].
//
// An RWSet is 64 bytes and 24 for its context. Each element that was added or removed takes 56 more than a T while there are up to
// 16, and up to 145 more when there are many. Add and Remove are O(log n), All is O(n log n), Len is O(n).
type RWSet[T Ordered] struct {
	causal Causal[RWSetStore[T], *RWSetStore[T]]
}

// Add puts x into the set in the name of an origin and returns the delta.
func (s *RWSet[T]) Add(origin string, x T) (delta RWSet[T]) {
	c := s.causal.clock(origin)
	s.causal.store.Add(&c, x)
	return RWSet[T]{s.causal.delta(&c)}
}

// Remove takes x out of the set in the name of an origin, whether or not it is known to be in it, and returns the delta.
func (s *RWSet[T]) Remove(origin string, x T) (delta RWSet[T]) {
	c := s.causal.clock(origin)
	s.causal.store.Remove(&c, x)
	return RWSet[T]{s.causal.delta(&c)}
}

// Contains reports whether x is in the set. It is not monotone: read it after a seal.
func (s *RWSet[T]) Contains(x T) bool { return s.causal.store.Contains(x) }

// Len returns the number of elements. It is not monotone: read it after a seal. O(n).
func (s *RWSet[T]) Len() int { return s.causal.store.Len() }

// All yields the elements, ascending. It is not monotone: read it after a seal. The set must not change meanwhile. O(n log n).
func (s *RWSet[T]) All() iter.Seq[T] { return s.causal.store.All() }

// Context returns a copy of what was heard of: see [Causal.Context].
func (s *RWSet[T]) Context() DotContext { return s.causal.Context() }

func (s *RWSet[T]) parts() (*DotContext, store) { return s.causal.parts() }

// Merge takes over the adds and removals of other and reports whether any was new.
func (s *RWSet[T]) Merge(other *RWSet[T]) (grew bool) { return s.causal.Merge(&other.causal) }

// Decompose yields the updates heard of: see [Causal.Decompose].
func (s *RWSet[T]) Decompose() iter.Seq[RWSet[T]] {
	return func(yield func(RWSet[T]) bool) {
		for part := range s.causal.Decompose() {
			if !yield(RWSet[T]{part}) {
				return
			}
		}
	}
}

// Delta returns the adds and removals that since has not heard of. O(n log m) for n elements here and m there.
func (s *RWSet[T]) Delta(since *RWSet[T]) (delta RWSet[T]) {
	return RWSet[T]{s.causal.Delta(&since.causal)}
}

// MarshalJSON shows the elements as an array, ascending.
func (s RWSet[T]) MarshalJSON() ([]byte, error) { return s.causal.MarshalJSON() }

// Encoding, version 1:
//
//	RWSet     version | context | n | (element | m | (dot | added) * m) * n     as a DotMap, see causal.go; added: 0 or 1

// AppendBinary appends the encoding of s to b. The error is always nil.
func (s *RWSet[T]) AppendBinary(b []byte) ([]byte, error) { return s.causal.appendTo("RWSet", b) }

// UnmarshalBinary replaces s with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], s is as before.
func (s *RWSet[T]) UnmarshalBinary(data []byte) error { return s.causal.decode("RWSet", data) }

// RWSetStore is the store of an [RWSet], which can be nested in an [ORMap] and in a [DotMap].
//
// There, removing the key takes away the removals of elements as well, as far as they are known.
type RWSetStore[T Ordered] struct {
	flags DotMap[T, DWFlagStore, *DWFlagStore]
}

// Add puts x into the set.
func (s *RWSetStore[T]) Add(c *Clock, x T) { s.flags.Update(c, x, (*DWFlagStore).Enable) }

// Remove takes x out of the set.
func (s *RWSetStore[T]) Remove(c *Clock, x T) { s.flags.Update(c, x, (*DWFlagStore).Disable) }

// Contains reports whether x is in the set.
func (s *RWSetStore[T]) Contains(x T) bool {
	e := s.flags.entry(x)
	return e != nil && e.s.On()
}

// Len returns the number of elements. O(n).
func (s *RWSetStore[T]) Len() (n int) {
	for e := range s.flags.each {
		if e.s.On() {
			n++
		}
	}
	return n
}

// All yields the elements, ascending. The set must not change meanwhile. O(n log n).
func (s *RWSetStore[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, e := range s.flags.sorted() {
			if e.s.On() && !yield(e.k) {
				return
			}
		}
	}
}

// MarshalJSON shows the elements as an array, ascending.
func (s RWSetStore[T]) MarshalJSON() ([]byte, error) {
	return json.Marshal(slices.AppendSeq([]T{}, s.All()))
}

func (s *RWSetStore[T]) core() store { return s.flags.core() }
