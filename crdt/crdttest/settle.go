package crdttest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// CheckSettled fails t if [Settled] finds a settled value that changes.
func CheckSettled[L any, P crdt.Lattice[L]](t testing.TB, samples []L) {
	t.Helper()
	fail(t, Settled[L, P](samples))
}

// Settled checks that a value which says that it is settled stays so, and that merging any sample does not change it, except into
// one that reports a conflict: a type whose rules can be broken has a method Conflict() bool, which once true stays
// true. It looks at the samples, the bottom and their merges.
//
// It returns nil, a [*Violation], or an error that wraps [ErrVacuous] if no sample is settled. A type that is no [crdt.Settler] is an
// error. It relies on the laws of the lattice: check them first.
func Settled[L any, P crdt.Lattice[L]](samples []L) error {
	return newChecker(boxed[L, P](samples)).settles()
}

func (c *checker) settles() error {
	if _, ok := c.bottom().settled(); !ok {
		return fmt.Errorf("crdttest: %T is no Settler", c.bottom().pointer())
	}
	if c.checkEncoding(); len(c.errs) > 0 {
		return c.err()
	}
	some := false
	for i := range c.samples {
		x := c.fresh(i)
		if is, _ := x.settled(); is {
			some = true
		}
		if !c.is(x, c.enc[i]) {
			c.add(LawSettled, "asking whether a is settled made it b", c.enc[i], c.bytesOf(x))
		}
		for j := range c.samples {
			for k := range c.samples {
				c.checkStays(c.merged(i, j), k)
			}
		}
	}
	if err := c.err(); err != nil || some {
		return err
	}
	return fmt.Errorf("%w: none is settled; add one", ErrVacuous)
}

// checkStays merges sample k into x.
func (c *checker) checkStays(x value, k int) {
	a := c.bytesOf(x)
	was, _ := x.settled()
	broken := x.conflict()
	x.merge(c.samples[k])
	b := c.bytesOf(x)
	if is, _ := x.settled(); was && !is {
		c.add(LawSettled, "a is settled, but a merged with b, which is c, is not", a, c.enc[k], b)
	}
	if broken && !x.conflict() {
		c.add(LawSettled, "a reports a conflict, but a merged with b, which is c, does not", a, c.enc[k], b)
	}
	if was && !bytes.Equal(a, b) && !x.conflict() {
		c.add(LawSettled, "a is settled, but merged with b it is c, which reports no conflict", a, c.enc[k], b)
	}
}
