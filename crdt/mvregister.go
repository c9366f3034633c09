package crdt

import (
	"encoding/json"
	"iter"
	"slices"
)

// MVRegister is a value that keeps concurrent writes side by side (the multi-value register of Shapiro et al., 2011, as in Almeida,
// Shoker, Baquero, JPDC 2018, §7.4.1). The zero MVRegister was never written. Use [Clone] to copy one.
//
// Each write has a [Dot] of its own and overwrites the values that it knows of. Writes that did not know of each other all
// stay, until a write that has seen them takes their place: whoever reads several values settles the matter by writing one.
//
// The law that its users keep: an origin names one history, such as the shard of a log, see [Dot]. Should one write have two values,
// because its origin had two histories, the larger one stays.
//
// Class of reads: Values is not monotone, since a later write may have overwritten them: read it after a seal. That a write was heard
// of, or overwritten, is final: ask [Saw] and [Superseded].
//
// An MVRegister is 64 bytes, 24 for its context, and for each value 24 (a number) to 32 (a string) more than a T. All operations are
// linear in the number of values, normally one.
type MVRegister[T Ordered] struct {
	causal Causal[MVRegisterStore[T], *MVRegisterStore[T]]
}

// Write writes v in the name of an origin, in place of all values known, and returns the delta.
func (r *MVRegister[T]) Write(origin string, v T) (delta MVRegister[T]) {
	c := r.causal.clock(origin)
	r.causal.store.Write(&c, v)
	return MVRegister[T]{r.causal.delta(&c)}
}

// Clear takes away all values known, and returns the delta, which is bottom if there are none.
func (r *MVRegister[T]) Clear() (delta MVRegister[T]) {
	c := r.causal.removals()
	r.causal.store.Clear(&c)
	return MVRegister[T]{r.causal.delta(&c)}
}

// Values returns the values, ascending and each once: one, unless there were concurrent writes, and none before the
// first. It is not monotone: read it after a seal.
func (r *MVRegister[T]) Values() []T { return r.causal.store.Values() }

// Context returns a copy of what was heard of: see [Causal.Context].
func (r *MVRegister[T]) Context() DotContext { return r.causal.Context() }

func (r *MVRegister[T]) parts() (*DotContext, store) { return r.causal.parts() }

// Merge takes over the writes of other and reports whether any was new.
func (r *MVRegister[T]) Merge(other *MVRegister[T]) (grew bool) { return r.causal.Merge(&other.causal) }

// Decompose yields the updates heard of: see [Causal.Decompose].
func (r *MVRegister[T]) Decompose() iter.Seq[MVRegister[T]] {
	return func(yield func(MVRegister[T]) bool) {
		for part := range r.causal.Decompose() {
			if !yield(MVRegister[T]{part}) {
				return
			}
		}
	}
}

// Delta returns the writes that since has not heard of.
func (r *MVRegister[T]) Delta(since *MVRegister[T]) (delta MVRegister[T]) {
	return MVRegister[T]{r.causal.Delta(&since.causal)}
}

// MarshalJSON shows the values as an array, ascending.
func (r MVRegister[T]) MarshalJSON() ([]byte, error) { return r.causal.MarshalJSON() }

// Encoding, version 1:
//
//	MVRegister   version | context | n | (dot | length | Max) * n     as a DotFun of Max, see causal.go

// AppendBinary appends the encoding of r to b. The error is always nil.
func (r *MVRegister[T]) AppendBinary(b []byte) ([]byte, error) {
	return r.causal.appendTo("MVRegister", b)
}

// UnmarshalBinary replaces r with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], r is as before.
func (r *MVRegister[T]) UnmarshalBinary(data []byte) error {
	return r.causal.decode("MVRegister", data)
}

// MVRegisterStore is the store of an [MVRegister], which can be nested in an [ORMap] and in a [DotMap].
type MVRegisterStore[T Ordered] struct {
	writes DotFun[Max[T], *Max[T]]
}

// Write writes v in place of all values known.
func (s *MVRegisterStore[T]) Write(c *Clock, v T) { s.writes.Replace(c, MaxOf(v)) }

// Clear takes away all values known.
func (s *MVRegisterStore[T]) Clear(c *Clock) { s.writes.Clear(c) }

// Values returns the values, ascending and each once.
func (s *MVRegisterStore[T]) Values() []T {
	values := make([]T, 0, s.writes.Len())
	for e := range s.writes.table.all {
		if v, ok := e.v.Value(); ok {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// MarshalJSON shows the values as an array, ascending.
func (s MVRegisterStore[T]) MarshalJSON() ([]byte, error) { return json.Marshal(s.Values()) }

func (s *MVRegisterStore[T]) core() store { return s.writes.core() }
