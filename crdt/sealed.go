package crdt

import (
	"errors"
	"fmt"
	"strconv"
)

// ErrLate is returned by [Sealed.Check] for a state that has grown beyond its seal.
var ErrLate = errors.New("crdt: input arrived after the seal")

// Sealed is a state together with the evidence that all of it is there. Only on it can a [NonMonotone] query be evaluated,
// and the answers are final. It holds a copy of its own, which nothing can change; plain copies of a Sealed share it.
// The zero Sealed holds no state and answers nothing.
type Sealed[L any] struct {
	state *L
	basis string
	below func(later *L) bool
}

// SealWhen seals a copy of the state if complete holds for it; ok is false as long as it does not, or if the state is in
// conflict (see [Conflicter]).
//
// The caller thereby says what complete means: that a state in the set is all there will ever be. A manifest says that ("five
// items, and here are five"), and so does "each of these producers is done, and all that it sent is here". A bare
// count does not, unless no sixth can come. What cannot be seen here is checked on later states by [Sealed.Check].
// O(size of the state).
func SealWhen[L any, P Lattice[L]](state *L, complete UpSet[L]) (s Sealed[L], ok bool) {
	if !complete.Holds(state) || conflicting(state) {
		return s, false
	}
	return sealed[L, P](state, "sealed when "+complete.String()), true
}

// SealSettled seals a copy of the state if it is settled (see [Settler]): a query that no future can change answers at
// once (free termination). ok is false if it is not, or is in conflict. O(size of the state).
func SealSettled[L any, P Lattice[L]](state *L) (s Sealed[L], ok bool) {
	if !settled(state) {
		return s, false
	}
	return sealed[L, P](state, basisSettled), true
}

// AssertSealed is the way out for evidence that this package cannot see: the caller asserts that state is all there will
// ever be. Nothing checks that, and answers that were called final are contradicted if it is wrong. The reason shows in each of
// them. O(size of the state).
func AssertSealed[L any, P Lattice[L]](reason string, state *L) Sealed[L] {
	return sealed[L, P](state, "asserted sealed "+strconv.Quote(reason))
}

func sealed[L any, P Lattice[L]](state *L, basis string) Sealed[L] {
	own := Clone[L, P](state)
	return Sealed[L]{state: &own, basis: basis, below: func(later *L) bool { return Below[L, P](later, &own) }}
}

// Check holds a later copy of the state to the seal: an error that wraps [ErrLate] says that something arrived after it, so
// that the answers given were not final, and the evidence was wrong. A zero Sealed has nothing to check.
// O(size of the state).
func (s Sealed[L]) Check(later *L) error {
	if s.below == nil || s.below(later) {
		return nil
	}
	return fmt.Errorf("%w (%s)", ErrLate, s.basis)
}

// String says what the seal rests on, such as "sealed when size >= 3", "settled", or "unsealed" for the zero Sealed.
func (s Sealed[L]) String() string {
	if s.state == nil {
		return "unsealed"
	}
	return s.basis
}

// Stale evaluates a query on a state that is not sealed: the loud weak read. Its answer is provisional, whatever the
// query: it may be wrong already, it may be taken back, and all that is computed from it is no better. The reason shows in
// the answer. The zero query answers nothing.
func Stale[L, R any](reason string, query Query[L, R], state *L) Answer[R] {
	f := anyQuery(query)
	if f.apply == nil {
		return Answer[R]{}
	}
	return Answer[R]{value: f.of(state), known: true, verdict: Provisional, basis: "stale: " + reason}
}
