package crdt

import "strconv"

// function is what the classes of queries, which are listed in doc.go, have in common. The classes are structs whose fields have
// different names, so that Go refuses to convert one into another.
type function[A, B any] struct {
	name string
	// apply returns a result that shares no memory with the state.
	apply func(state *A) B
	// peek is apply for those who only read the result, and only while the state does not change: it may point into the state,
	// which saves a copy. Nil if apply is all there is.
	peek func(state *A) *B
}

// of applies f. The zero function gives the zero value.
func (f function[A, B]) of(state *A) (result B) {
	if f.apply == nil {
		return result
	}
	return f.apply(state)
}

func (f function[A, B]) look(state *A) *B {
	if f.peek != nil {
		return f.peek(state)
	}
	result := f.of(state)
	return &result
}

func (f function[A, B]) named(zero string) string {
	if f.apply == nil {
		return zero
	}
	return f.name
}

// Morphism is a function between lattices that keeps merges: f(x⊔y) = f(x)⊔f(y). It may be applied to each delta of a
// state instead of the state, if it was applied to the whole once; the merged results are the result of the whole.
// The zero Morphism gives the bottom always.
type Morphism[A, B any] struct{ morphism function[A, B] }

// Apply returns f of a state or a delta. The result is a growing value, as the state is: ask it questions, or [Morphism.Ask].
func (f Morphism[A, B]) Apply(state *A) B { return f.morphism.of(state) }

// Ask answers with f of the state: a lower bound, final if the state is settled.
func (f Morphism[A, B]) Ask(state *A) Answer[B] { return answer(f.Apply(state), LowerBound, state) }

// String returns the name of the function for plans.
func (f Morphism[A, B]) String() string { return f.morphism.named("bottom") }

// Monotone is a function between lattices that keeps their order: x ≤ y gives f(x) ≤ f(y). Unlike a [Morphism] it must see
// the whole state: the size of a set is not the largest of the sizes of its deltas. The zero Monotone gives the bottom always.
type Monotone[A, B any] struct{ monotone function[A, B] }

// Apply returns f of a whole state. The result is a growing value, as the state is: ask it questions, or [Monotone.Ask].
func (f Monotone[A, B]) Apply(state *A) B { return f.monotone.of(state) }

// Ask answers with f of the state: a lower bound, final if the state is settled.
func (f Monotone[A, B]) Ask(state *A) Answer[B] { return answer(f.Apply(state), LowerBound, state) }

// String returns the name of the function for plans.
func (f Monotone[A, B]) String() string { return f.monotone.named("bottom") }

// NonMonotone is any function of a state. Its result may be taken back when the state grows, so that it
// can only be evaluated on a [Sealed] state; [Stale] is the loud way around. The zero NonMonotone never answers.
type NonMonotone[A, R any] struct{ nonMonotone function[A, R] }

// Ask answers with the result for a sealed state: final. It is unknown only for the zero query and the zero Sealed.
func (q NonMonotone[A, R]) Ask(at Sealed[A]) Answer[R] {
	if at.state == nil || q.nonMonotone.apply == nil {
		return Answer[R]{}
	}
	return Answer[R]{value: q.nonMonotone.of(at.state), known: true, verdict: Final, basis: at.basis}
}

// String returns the name of the query for plans.
func (q NonMonotone[A, R]) String() string { return q.nonMonotone.named("unknown") }

// Monotonic is a function that keeps the order of lattices: a [Morphism] or a [Monotone]. No other type implements it.
type Monotonic[A, B any] interface{ grows() function[A, B] }

// Query is a function of any class: a [Morphism], a [Monotone] or a [NonMonotone]. No other type implements it.
type Query[A, R any] interface{ query() function[A, R] }

func (f Morphism[A, B]) grows() function[A, B]    { return f.morphism }
func (f Morphism[A, B]) query() function[A, B]    { return f.morphism }
func (f Monotone[A, B]) grows() function[A, B]    { return f.monotone }
func (f Monotone[A, B]) query() function[A, B]    { return f.monotone }
func (q NonMonotone[A, R]) query() function[A, R] { return q.nonMonotone }

// monotonic is the function of f; a nil interface is the zero function.
func monotonic[A, B any](f Monotonic[A, B]) (zero function[A, B]) {
	if f == nil {
		return zero
	}
	return f.grows()
}

func anyQuery[A, R any](q Query[A, R]) (zero function[A, R]) {
	if q == nil {
		return zero
	}
	return q.query()
}

func morphism[A, B any](name string, apply func(*A) B) Morphism[A, B] {
	return Morphism[A, B]{function[A, B]{name: name, apply: apply}}
}

func monotone[A, B any](name string, apply func(*A) B) Monotone[A, B] {
	return Monotone[A, B]{function[A, B]{name: name, apply: apply}}
}

// AssertMorphism is the way out for morphisms that are not built in: the caller asserts that f keeps merges. Nothing checks
// that at run time, and answers that were called stable are retracted if it is wrong. Hold the claim to
// package crdttest in a test; plans show it as asserted.
//
// The function must depend on nothing but the state, and neither change nor keep it nor share memory with it.
func AssertMorphism[A, B any, PA Lattice[A], PB Lattice[B]](name string, f func(state *A) B) Morphism[A, B] {
	return morphism("asserted morphism "+strconv.Quote(name), f)
}

// AssertMonotone is AssertMorphism for a function that only keeps the order.
func AssertMonotone[A, B any, PA Lattice[A], PB Lattice[B]](name string, f func(state *A) B) Monotone[A, B] {
	return monotone("asserted monotone "+strconv.Quote(name), f)
}

// ExactRead is the query that returns what read returns. It claims nothing, and so is not an assertion.
//
// The function must depend on nothing but the state, and neither change nor keep it, nor return memory of it: the state
// itself is read by [Snapshot].
func ExactRead[A, R any](name string, read func(state *A) R) NonMonotone[A, R] {
	return NonMonotone[A, R]{function[A, R]{name: name, apply: read}}
}

// Snapshot is the query for a copy of the whole state.
func Snapshot[L any, P Lattice[L]]() NonMonotone[L, L] {
	return NonMonotone[L, L]{function[L, L]{name: "state", apply: Clone[L, P], peek: func(state *L) *L { return state }}}
}

// Decide is the question of u with both answers: on a sealed state, what is not in the set never will be.
func (u UpSet[L]) Decide() NonMonotone[L, bool] { return ExactRead("decide "+u.String(), u.Holds) }

// MonotoneOf is f as a [Monotone]: a function that keeps merges keeps the order too. A nil f is the zero Monotone.
func MonotoneOf[A, B any](f Monotonic[A, B]) Monotone[A, B] { return Monotone[A, B]{monotonic(f)} }

// Exact is the query for the exact result of f, instead of a lower bound.
func Exact[A, B any](f Monotonic[A, B]) NonMonotone[A, B] { return NonMonotone[A, B]{monotonic(f)} }
