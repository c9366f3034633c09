package crdttest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// CheckMonotone fails t if [Monotone] refutes the function.
func CheckMonotone[A, B any, P crdt.Lattice[A], Q crdt.Lattice[B]](t testing.TB, f func(*A) B, samples []A) {
	t.Helper()
	fail(t, Monotone[A, B, P, Q](f, samples))
}

// CheckMorphism fails t if [Morphism] refutes the function.
func CheckMorphism[A, B any, P crdt.Lattice[A], Q crdt.Lattice[B]](t testing.TB, f func(*A) B, samples []A) {
	t.Helper()
	fail(t, Morphism[A, B, P, Q](f, samples))
}

// CheckKeepsBottom fails t if [KeepsBottom] refutes the function.
func CheckKeepsBottom[A, B any, P crdt.Lattice[A], Q crdt.Lattice[B]](t testing.TB, f func(*A) B) {
	t.Helper()
	fail(t, KeepsBottom[A, B, P, Q](f))
}

// CheckLowerBound fails t if [LowerBound] refutes the query.
func CheckLowerBound[L, V any, P crdt.Lattice[L]](t testing.TB, query func(*L) V, compare func(a, b V) int, samples []L) {
	t.Helper()
	fail(t, LowerBound[L, V, P](query, compare, samples))
}

// Monotone checks that f(a) is below f(a ⊔ b), over all pairs of samples and the bottom: what f gives can be published as
// a growing value. Such a function must see the whole state; only a [Morphism] may be given the deltas.
//
// It also checks that f is pure: that it depends on the value of its argument alone, does not change it, and shares no memory with it.
//
// It returns nil, joined errors, at most one [*Violation] for each law, or an error that wraps [ErrVacuous] if f gives the same for
// all samples. It relies on the laws of both lattices: check them first.
func Monotone[A, B any, P crdt.Lattice[A], Q crdt.Lattice[B]](f func(*A) B, samples []A) error {
	return newFunction(boxed[A, P](samples), boxedFunc[A, B, Q](f)).check(func(c *function, i, j int) {
		both := c.f(c.merged(i, j))
		high := c.encoded(both)
		if both.merge(c.of(i)); !bytes.Equal(c.encoded(both), high) {
			c.add(LawMonotone, "f(a) is c, which is not below d, f(a ⊔ b)", c.enc[i], c.enc[j], c.out[i], high)
		}
	})
}

// Morphism checks that f(a ⊔ b) = f(a) ⊔ f(b), over all pairs of samples and the bottom. Such a function may be applied to
// deltas, and the outcomes merged. On a chain, such as crdt.Max, every monotone function is a morphism, so choose
// samples that are incomparable.
//
// That f gives bottom for bottom is not part of it. Ask [KeepsBottom] too if f will never see the whole state.
//
// As [Monotone] in all else.
func Morphism[A, B any, P crdt.Lattice[A], Q crdt.Lattice[B]](f func(*A) B, samples []A) error {
	return newFunction(boxed[A, P](samples), boxedFunc[A, B, Q](f)).check(func(c *function, i, j int) {
		joint := c.f(c.merged(i, j))
		apart := c.of(i)
		apart.merge(c.of(j))
		if l, r := c.encoded(joint), c.encoded(apart); !bytes.Equal(l, r) {
			c.add(LawMorphism, "f(a ⊔ b) is c, f(a) ⊔ f(b) is d", c.enc[i], c.enc[j], l, r)
		}
	})
}

// KeepsBottom checks that f of the bottom is the bottom. A [Morphism] that does so may be given nothing but the deltas;
// one that does not must be applied once to the full state at the start. It returns nil or a [*Violation].
func KeepsBottom[A, B any, P crdt.Lattice[A], Q crdt.Lattice[B]](f func(*A) B) error {
	var r report
	got := boxedFunc[A, B, Q](f)(box[A, P]{new(A)})
	if enc, bottom := bytesOf(&r, got), bytesOf(&r, got.bottom()); !bytes.Equal(enc, bottom) {
		r.add(LawBottomKept, "f of the bottom is a, the bottom of what f gives is b", enc, bottom)
	}
	return r.err()
}

// LowerBound checks that a query into an ordered value only grows: that the answer for a is not above the answer for a ⊔ b,
// over all pairs of samples and the bottom. Compare is negative, zero or positive as its first argument is below, equal to or
// above the second; cmp.Compare where larger is later. Such an answer read early is a lower bound of the final one.
//
// It returns nil, joined errors, at most one [*Violation] for each law, or an error that wraps [ErrVacuous] if the answer is the same
// for all samples. It relies on the laws of the lattice: check them first.
func LowerBound[L, V any, P crdt.Lattice[L]](query func(*L) V, compare func(a, b V) int, samples []L) error {
	c := newChecker(boxed[L, P](samples))
	ask := func(v value) V { return query(unbox[L](v)) }
	if c.checkEncoding(); len(c.errs) > 0 {
		return c.err()
	}
	moved, first := false, ask(c.bottom())
	for i := range c.samples {
		x := c.fresh(i)
		low := ask(x)
		moved = moved || compare(low, first) != 0
		if again := ask(x); compare(low, again) != 0 {
			c.add(LawPure, fmt.Sprintf("the query was asked about a twice and said %v, then %v", low, again), c.enc[i])
		}
		if !c.is(x, c.enc[i]) {
			c.add(LawPure, "the query changed a into b", c.enc[i], c.bytesOf(x))
		}
		for j := range c.samples {
			if high := ask(c.merged(i, j)); compare(low, high) > 0 {
				c.add(LawLowerBound, fmt.Sprintf("the answer for a is %v, for a merged with b it is %v", low, high), c.enc[i], c.enc[j])
			}
		}
	}
	if err := c.err(); err != nil || moved {
		return err
	}
	return fmt.Errorf("%w: the answer for all of them is %v", ErrVacuous, first)
}

// function checks a function between two lattices.
type function struct {
	*checker
	f   func(value) value
	out [][]byte // the encodings of f of the samples
}

func newFunction(samples []value, f func(value) value) *function {
	return &function{checker: newChecker(samples), f: f}
}

// check checks that the function is pure, and then each pair of samples.
func (c *function) check(pair func(c *function, i, j int)) error {
	c.checker.check(c.checkEncoding, c.checkPure, func() {
		for i := range c.samples {
			for j := range c.samples {
				pair(c, i, j)
			}
		}
	})
	if err := c.err(); err != nil {
		return err
	}
	for _, out := range c.out {
		if !bytes.Equal(out, c.out[0]) {
			return nil
		}
	}
	return fmt.Errorf("%w: f gives the same for all of them", ErrVacuous)
}

func (c *function) encoded(y value) []byte { return bytesOf(&c.report, y) }

// of returns f of sample i.
func (c *function) of(i int) value { return c.f(c.fresh(i)) }

// checkPure fills out.
func (c *function) checkPure() {
	for i := range c.samples {
		x := c.fresh(i)
		y := c.f(x)
		out := c.encoded(y)
		c.out = append(c.out, out)
		again := c.f(x)
		if enc := c.encoded(again); !bytes.Equal(enc, out) {
			c.add(LawPure, "f was applied to a twice and gave b, then c", c.enc[i], out, enc)
		}
		if !c.is(x, c.enc[i]) {
			c.add(LawPure, "f changed a into b", c.enc[i], c.bytesOf(x))
		}
		if c.grow(x); !bytes.Equal(c.encoded(y), out) {
			c.add(LawPure, "f(a) was b, and changed when a grew", c.enc[i], out)
		}
		x = c.fresh(i)
		y = c.f(x)
		for j := range c.samples {
			y.merge(c.of(j))
		}
		if !c.is(x, c.enc[i]) {
			c.add(LawPure, "f(a) was b, and a changed when that grew", c.enc[i], out)
		}
		for j := range c.samples {
			x := c.merged(i, j)
			y, z := c.f(x), c.f(c.decoded(x))
			if l, r := c.encoded(y), c.encoded(z); !bytes.Equal(l, r) {
				c.add(LawPure, "f(a) is b, and f of a decoded copy of a is c", c.bytesOf(x), l, r)
			}
		}
	}
}
