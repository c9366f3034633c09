package operators

import "strconv"

// Reduction is a function that makes one value of two, with a claim about it: see [AssertReduction]. The zero Reduction is refused.
type Reduction[V any] struct {
	name       string
	combine    func(a, b V) V
	idempotent bool
}

// AssertReduction claims that combine is associative and commutative: that the values of some records give the same in any order and
// grouping. Nothing checks that at run time, and results depend on how the inputs were interleaved if it is wrong. Hold the claim to
// pipelinetest.CheckReduction in a test; plans show it as asserted. Floating-point addition, for one, is not associative: see
// [SumFloat].
//
// The function must depend on nothing but its arguments, and neither change nor keep them, though it may return one.
func AssertReduction[V any](name string, combine func(a, b V) V) Reduction[V] {
	return Reduction[V]{name: name, combine: combine}
}

// AssertSemilattice claims more: that combine is idempotent too, so that a record which a producer has written twice changes
// nothing. Such a type could be asked questions before a seal, if it had a Merge: see [Aggregate].
func AssertSemilattice[V any](name string, combine func(a, b V) V) Reduction[V] {
	return Reduction[V]{name: name, combine: combine, idempotent: true}
}

// Combine makes one value of two.
func (r Reduction[V]) Combine(a, b V) V { return r.combine(a, b) }

// Idempotent reports whether the claim says so.
func (r Reduction[V]) Idempotent() bool { return r.idempotent }

// Valid reports whether there is a function.
func (r Reduction[V]) Valid() bool { return r.combine != nil }

// String returns the claim for plans.
func (r Reduction[V]) String() string {
	claim := "asserted commutative and associative "
	if r.idempotent {
		claim = "asserted semilattice "
	}
	return claim + strconv.Quote(r.name)
}
