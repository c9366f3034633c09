package crdttest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// CheckBimorphism fails t if [Bimorphism] refutes the function.
func CheckBimorphism[A, B, C any, P crdt.Lattice[A], Q crdt.Lattice[B], R crdt.Lattice[C]](
	t testing.TB, f func(*A, *B) C, as []A, bs []B,
) {
	t.Helper()
	fail(t, Bimorphism[A, B, C, P, Q, R](f, as, bs))
}

// Bimorphism checks that f is a morphism in each argument while the other is held: f(a ⊔ b, x) = f(a, x) ⊔ f(b, x) and
// f(a, x ⊔ y) = f(a, x) ⊔ f(a, y). Such a function, for example a join, may be given the delta of one side with the whole of the
// other. It is not f(a ⊔ b, x ⊔ y) = f(a, x) ⊔ f(b, y), which lacks the pairs of old on one side with new on the other.
//
// As [Morphism] in all else. It tries all pairs of one side with all of the other: the cost is cubic.
func Bimorphism[A, B, C any, P crdt.Lattice[A], Q crdt.Lattice[B], R crdt.Lattice[C]](f func(*A, *B) C, as []A, bs []B) error {
	return newBifunction(boxed[A, P](as), boxed[B, Q](bs), func(x, y value) value {
		z := f(unbox[A](x), unbox[B](y))
		return box[C, R]{&z}
	}).check()
}

func newBifunction(as, bs []value, f func(x, y value) value) *bifunction {
	return &bifunction{a: newChecker(as), b: newChecker(bs), f: f}
}

func (c *bifunction) check() error {
	c.a.check(c.a.checkEncoding)
	c.b.check(c.b.checkEncoding)
	if len(c.a.errs)+len(c.b.errs) == 0 {
		c.checkPure()
		for i := range c.a.samples {
			for k := range c.b.samples {
				c.checkAt(i, k)
			}
		}
	}
	for _, r := range []report{c.a.report, c.b.report, c.report} {
		if err := r.err(); err != nil {
			return err
		}
	}
	if !c.moved {
		return fmt.Errorf("%w: f gives the same for all of them", ErrVacuous)
	}
	return nil
}

// bifunction checks a function of two lattices.
type bifunction struct {
	report
	a     *checker
	b     *checker
	f     func(x, y value) value
	moved bool // f gives more than one outcome
}

func (c *bifunction) apply(x, y value) (value, []byte) {
	z := c.f(x, y)
	return z, bytesOf(&c.report, z)
}

// checkAt compares the outcomes for sample i of one side and k of the other with those for all that are added to either.
func (c *bifunction) checkAt(i, k int) {
	a, x := c.a.enc[i], c.b.enc[k]
	for j := range c.a.samples {
		_, joint := c.apply(c.a.merged(i, j), c.b.fresh(k))
		if apart := c.joined(i, k, j, k); !bytes.Equal(joint, apart) {
			c.add(LawBimorphism, "f(a ⊔ b, c) is d, f(a, c) ⊔ f(b, c) is e", a, c.a.enc[j], x, joint, apart)
		}
	}
	for l := range c.b.samples {
		_, joint := c.apply(c.a.fresh(i), c.b.merged(k, l))
		if apart := c.joined(i, k, i, l); !bytes.Equal(joint, apart) {
			c.add(LawBimorphism, "f(a, b ⊔ c) is d, f(a, b) ⊔ f(a, c) is e", a, x, c.b.enc[l], joint, apart)
		}
	}
}

// joined returns the encoding of f(i, k) ⊔ f(j, l).
func (c *bifunction) joined(i, k, j, l int) []byte {
	left, _ := c.apply(c.a.fresh(i), c.b.fresh(k))
	right, _ := c.apply(c.a.fresh(j), c.b.fresh(l))
	left.merge(right)
	return bytesOf(&c.report, left)
}

// checkPure is as for a function of one argument.
func (c *bifunction) checkPure() {
	_, bottom := c.apply(c.a.bottom(), c.b.bottom())
	for i := range c.a.samples {
		for k := range c.b.samples {
			a, b := c.a.enc[i], c.b.enc[k]
			x, y := c.a.fresh(i), c.b.fresh(k)
			z, out := c.apply(x, y)
			c.moved = c.moved || !bytes.Equal(out, bottom)
			if _, again := c.apply(x, y); !bytes.Equal(again, out) {
				c.add(LawPure, "f was applied to a and b twice and gave c, then d", a, b, out, again)
			}
			if !c.a.is(x, a) || !c.b.is(y, b) {
				c.add(LawPure, "f changed a and b into c and d", a, b, c.a.bytesOf(x), c.b.bytesOf(y))
			}
			c.a.grow(x)
			c.b.grow(y)
			if now := bytesOf(&c.report, z); !bytes.Equal(now, out) {
				c.add(LawPure, "f(a, b) was c, and became d when a and b grew", a, b, out, now)
			}
			x, y = c.a.fresh(i), c.b.fresh(k)
			z, _ = c.apply(x, y)
			for j := range c.a.samples {
				other, _ := c.apply(c.a.fresh(j), c.b.fresh(k))
				z.merge(other)
			}
			for l := range c.b.samples {
				other, _ := c.apply(c.a.fresh(i), c.b.fresh(l))
				z.merge(other)
			}
			if !c.a.is(x, a) || !c.b.is(y, b) {
				c.add(LawPure, "f(a, b) was c, and a or b changed when that grew", a, b, out)
			}
		}
	}
}
