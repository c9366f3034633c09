package crdt

import "iter"

// AWSet is a set with removal in which an add wins over a removal that did not know of it (the optimised observed-remove set
// of Bieniusa et al., 2012, as the add-wins set of Almeida, Shoker, Baquero, JPDC 2018, §7.4.2). The zero AWSet is empty. Use
// [Clone] to copy one.
//
// Each add has a [Dot] of its own; a removal takes away the dots that it knows of and leaves nothing behind. An add that
// is not among them, because it was made elsewhere at the same time, keeps the element in the set. To add an element
// that is there renews its dot, so that it outlives such a removal.
//
// The law that its users keep: an origin names one history, such as the shard of a log, see [Dot].
//
// Class of reads: Contains, Len and All are not monotone, since an element that is there may have been removed elsewhere, and
// one that is not may have been added: read them after a seal. That an update was heard of, or that an add was
// overtaken, is final: ask [Saw] and [Superseded].
//
// An AWSet is 72 bytes and 24 for its context. Each element takes 16 bytes more than a T while there are up to 16, and 50 (numbers) to 80
// (strings) more when there are many. Add and Remove are O(log n); All is O(n log n). Merge costs like the smaller of the two sides.
type AWSet[T Ordered] struct {
	causal Causal[AWSetStore[T], *AWSetStore[T]]
}

// Add puts x into the set in the name of an origin and returns the delta.
func (s *AWSet[T]) Add(origin string, x T) (delta AWSet[T]) {
	c := s.causal.clock(origin)
	s.causal.store.Add(&c, x)
	delta.causal.context = c.updates()
	if c.n > 0 {
		delta.causal.store.table.insert(c.first[0], x)
	}
	return delta
}

// Remove takes x out of the set, as far as adds of it are known, and returns the delta, which is bottom if there are none.
func (s *AWSet[T]) Remove(x T) (delta AWSet[T]) {
	c := s.causal.removals()
	s.causal.store.Remove(&c, x)
	delta.causal.context = c.updates()
	return delta
}

// Contains reports whether x is in the set. It is not monotone: read it after a seal.
func (s *AWSet[T]) Contains(x T) bool { return s.causal.store.Contains(x) }

// Len returns the number of elements. It is not monotone: read it after a seal.
func (s *AWSet[T]) Len() int { return s.causal.store.Len() }

// All yields the elements, ascending. It is not monotone: read it after a seal. The set must not change meanwhile. O(n log n).
func (s *AWSet[T]) All() iter.Seq[T] { return s.causal.store.All() }

// Context returns a copy of what the set has heard of: see [Causal.Context].
func (s *AWSet[T]) Context() DotContext { return s.causal.Context() }

func (s *AWSet[T]) parts() (*DotContext, store) { return s.causal.parts() }

// Merge takes over the adds and removals of other and reports whether any was new.
func (s *AWSet[T]) Merge(other *AWSet[T]) (grew bool) { return s.causal.Merge(&other.causal) }

// Decompose yields the updates heard of: see [Causal.Decompose].
func (s *AWSet[T]) Decompose() iter.Seq[AWSet[T]] {
	return func(yield func(AWSet[T]) bool) {
		for part := range s.causal.Decompose() {
			if !yield(AWSet[T]{part}) {
				return
			}
		}
	}
}

// Delta returns the adds and removals that since has not heard of. O(n log m) for n elements here and m there.
func (s *AWSet[T]) Delta(since *AWSet[T]) (delta AWSet[T]) {
	return AWSet[T]{s.causal.Delta(&since.causal)}
}

// MarshalJSON shows the elements as an array, ascending.
func (s AWSet[T]) MarshalJSON() ([]byte, error) { return s.causal.MarshalJSON() }

// Encoding, version 1:
//
//	AWSet     version | context | n | (dot | element) * n     context: see dotcontext.go; dot: see dotstore.go; dots ascending

// AppendBinary appends the encoding of s to b. The error is always nil.
func (s *AWSet[T]) AppendBinary(b []byte) ([]byte, error) { return s.causal.appendTo("AWSet", b) }

// UnmarshalBinary replaces s with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], s is as before.
func (s *AWSet[T]) UnmarshalBinary(data []byte) error { return s.causal.decode("AWSet", data) }
