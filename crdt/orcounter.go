package crdt

import (
	"encoding/json"
	"iter"
	"math"
)

// ORCounter is a count that goes up and down and can be reset (the causal counter of Almeida, Shoker, Baquero's library, without its
// anomaly). The zero ORCounter is 0. Use [Clone] to copy one. Its store is made for the quantities in a map whose keys are
// removed, such as the items in a shopping cart.
//
// Each addition has a [Dot] of its own. A reset, and the removal of the key in an [ORMap], takes away the additions that it knows of. One
// that was made elsewhere at the same time stays, and it alone: a cart item that was removed while someone put in one more
// comes back as one. The price is a dot for each addition since the last reset; see Fold for how to pay less, and what
// that costs. A count that is never reset is cheaper as a [GCounter].
//
// The law that its users keep: an origin names one history, such as the shard of a log, see [Dot].
//
// Class of reads: Value is not monotone, and no threshold of it is, since additions may be negative or taken away elsewhere: read
// it after a seal. That an addition was heard of, or taken away, is final: ask [Saw] and [Superseded].
//
// An ORCounter is 64 bytes, 24 for its context and 32 to 38 for each addition. Add is O(log n) for n additions, Value, Fold and Reset are O(n).
type ORCounter struct {
	causal Causal[ORCounterStore, *ORCounterStore]
}

// Add counts n more, or less if n is negative, in the name of an origin and returns the delta, which is bottom if n is 0.
func (r *ORCounter) Add(origin string, n int64) (delta ORCounter) {
	c := r.causal.clock(origin)
	r.causal.store.Add(&c, n)
	return ORCounter{r.causal.delta(&c)}
}

// Reset takes away all additions that are known, and returns the delta, which is bottom if there are none.
func (r *ORCounter) Reset() (delta ORCounter) {
	c := r.causal.removals()
	r.causal.store.Reset(&c)
	return ORCounter{r.causal.delta(&c)}
}

// Fold makes one addition of all those of the origin, to save memory, and returns the delta. The value stays as it is.
//
// It brings back the reset anomaly (riak_dt#98) for the additions that it folds: a reset, or a removal of the key, that was made elsewhere and
// has not heard of the fold takes away the additions, but not the fold, and so they survive in it. Fold
// when no such removal can be on its way, or when too high a count is better than too many dots. An origin folds its own additions only:
// if two folded the same ones, they would count twice.
func (r *ORCounter) Fold(origin string) (delta ORCounter) {
	c := r.causal.clock(origin)
	r.causal.store.Fold(&c)
	return ORCounter{r.causal.delta(&c)}
}

// Value returns the sum of the additions, or the nearest int64 if it is beyond. It is not monotone: read it after a seal.
func (r *ORCounter) Value() int64 { return r.causal.store.Value() }

// Len returns the number of additions that are kept apart. It is not monotone.
func (r *ORCounter) Len() int { return r.causal.store.Len() }

// Context returns a copy of what was heard of: see [Causal.Context].
func (r *ORCounter) Context() DotContext { return r.causal.Context() }

func (r *ORCounter) parts() (*DotContext, store) { return r.causal.parts() }

// Merge takes over the additions and resets of other and reports whether any was new.
func (r *ORCounter) Merge(other *ORCounter) (grew bool) { return r.causal.Merge(&other.causal) }

// Decompose yields the updates heard of: see [Causal.Decompose].
func (r *ORCounter) Decompose() iter.Seq[ORCounter] {
	return func(yield func(ORCounter) bool) {
		for part := range r.causal.Decompose() {
			if !yield(ORCounter{part}) {
				return
			}
		}
	}
}

// Delta returns the additions and resets that since has not heard of. O(n log m) for n additions here and m there.
func (r *ORCounter) Delta(since *ORCounter) (delta ORCounter) {
	return ORCounter{r.causal.Delta(&since.causal)}
}

// MarshalJSON shows the value.
func (r ORCounter) MarshalJSON() ([]byte, error) { return r.causal.MarshalJSON() }

// Encoding, version 1:
//
//	ORCounter   version | context | n | (dot | length | Max) * n     as a DotFun of Max[int64], see causal.go

// AppendBinary appends the encoding of r to b. The error is always nil.
func (r *ORCounter) AppendBinary(b []byte) ([]byte, error) { return r.causal.appendTo("ORCounter", b) }

// UnmarshalBinary replaces r with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], r is as before.
func (r *ORCounter) UnmarshalBinary(data []byte) error { return r.causal.decode("ORCounter", data) }

// ORCounterStore is the store of an [ORCounter], which can be nested in an [ORMap] and in a [DotMap].
type ORCounterStore struct {
	additions DotFun[Max[int64], *Max[int64]]
}

// Add counts n more, or less if n is negative.
func (s *ORCounterStore) Add(c *Clock, n int64) {
	if n != 0 {
		s.additions.Put(c, MaxOf(n))
	}
}

// Reset takes away all additions that are known.
func (s *ORCounterStore) Reset(c *Clock) { s.additions.Clear(c) }

// Fold makes one addition of all those of the origin whose clock it is. See [ORCounter.Fold] for what that costs. It does nothing if
// there are less than two, or if their sum is no int64.
func (s *ORCounterStore) Fold(c *Clock) {
	if c.origin == (origin{}) {
		return
	}
	var sum sum128
	var own []Dot
	s.additions.table.between(Dot{origin: c.origin, n: 1}, math.MaxUint64, func(e *dotted[Max[int64]]) bool {
		sum.add(e.v.max)
		own = append(own, e.d)
		return true
	})
	n, exact := sum.int64()
	if len(own) < 2 || !exact {
		return
	}
	if d, ok := c.fresh(); ok {
		for _, d := range own {
			s.additions.remove(d)
			c.gone(d)
		}
		s.additions.table.insert(d, MaxOf(n))
	}
}

// Value returns the sum of the additions, or the nearest int64 if it is beyond.
func (s *ORCounterStore) Value() int64 {
	var sum sum128
	for e := range s.additions.table.all {
		sum.add(e.v.max)
	}
	n, _ := sum.int64()
	return n
}

// Len returns the number of additions that are kept apart.
func (s *ORCounterStore) Len() int { return s.additions.Len() }

// MarshalJSON shows the value.
func (s ORCounterStore) MarshalJSON() ([]byte, error) { return json.Marshal(s.Value()) }

func (s *ORCounterStore) core() store { return s.additions.core() }
