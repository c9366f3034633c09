package crdttest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// CheckDeltas fails t if [Deltas] finds a broken law among the samples.
func CheckDeltas[L any, P crdt.Lattice[L]](t testing.TB, samples []L) {
	t.Helper()
	if err := Deltas[L, P](samples); err != nil {
		t.Error(err)
	}
}

// Deltas checks that values come apart into irredundant parts and that Delta is the least difference, over all pairs of
// samples and the bottom. It returns nil, or joined errors, at most one [*Violation] for each law. A type that is no
// [crdt.Decomposable] is an error. It relies on the laws of the lattice: check them first.
func Deltas[L any, P crdt.Lattice[L]](samples []L) error {
	c := newChecker[L, P](samples)
	if c.checkEncoding(); len(c.errs) > 0 {
		return c.err()
	}
	if !c.anyAboveBottom() {
		return ErrVacuous
	}
	if _, ok := any(P(nil)).(crdt.Decomposable[L]); !ok {
		return fmt.Errorf("crdttest: %T is not Decomposable", P(nil))
	}
	for i := range c.samples {
		parts := c.parts(c.fresh(i))
		c.checkParts(i, parts)
		for j := range c.samples {
			if x, ok := any(P(c.fresh(i))).(crdt.Decomposable[L]); ok {
				c.checkDelta(i, j, x.Delta, parts)
			}
		}
	}
	return c.err()
}

// parts decomposes x twice and returns the parts.
func (c *checker[L, P]) parts(x *L) []L {
	a := c.bytesOf(x)
	decompose := func() (parts []L) {
		if d, ok := any(P(x)).(crdt.Decomposable[L]); ok {
			for part := range d.Decompose() {
				parts = append(parts, part)
			}
		}
		return parts
	}
	parts, again := decompose(), decompose()
	if len(parts) != len(again) {
		c.add(LawDecompose, "a was decomposed twice, into different parts", a)
	}
	for k := range min(len(parts), len(again)) {
		if enc := c.bytesOf(&parts[k]); !c.is(&again[k], enc) {
			c.add(LawDecompose, "a was decomposed twice, and a part was b and then c", a, enc, c.bytesOf(&again[k]))
		}
	}
	if !c.is(x, a) {
		c.add(LawDecompose, "decomposing a made it b", a, c.bytesOf(x))
	}
	return parts
}

// checkParts checks that the parts of sample i merge back to it, and that none can be left out or taken apart.
func (c *checker[L, P]) checkParts(i int, parts []L) {
	var all L
	for k := range parts {
		P(&all).Merge(&parts[k])
		if sub := c.parts(&parts[k]); len(sub) != 1 {
			c.add(LawDecompose, "b is a part of a, and can be decomposed further", c.enc[i], c.bytesOf(&parts[k]))
		}
		var others L
		for o := range parts {
			if o != k {
				P(&others).Merge(&parts[o])
			}
		}
		if c.is(&others, c.enc[i]) {
			c.add(LawDecompose, "the part b of a is below the merge of the others", c.enc[i], c.bytesOf(&parts[k]))
		}
	}
	if !c.is(&all, c.enc[i]) {
		c.add(LawDecompose, "the parts of a merge to b", c.enc[i], c.bytesOf(&all))
	}
}

// checkDelta compares the delta of sample i since sample j with its definition.
func (c *checker[L, P]) checkDelta(i, j int, delta func(since *L) L, parts []L) {
	since := c.fresh(j)
	got := delta(since)
	var want L
	for k := range parts {
		if P(c.fresh(j)).Merge(&parts[k]) {
			P(&want).Merge(&parts[k])
		}
	}
	if enc := c.bytesOf(&want); !c.is(&got, enc) {
		c.add(LawDelta, "the delta of a since b is c, the least one is d", c.enc[i], c.enc[j], c.bytesOf(&got), enc)
	}
	before := c.bytesOf(&got)
	if P(since).Merge(&got); !bytes.Equal(c.bytesOf(since), c.bytesOf(c.merged(i, j))) {
		c.add(LawDelta, "b merged with the delta of a since b is c, not a merged with b", c.enc[i], c.enc[j], c.bytesOf(since))
	}
	for k := range c.samples { // growing since must not show in the delta
		if P(since).Merge(&c.samples[k]); !c.is(&got, before) {
			c.add(LawDelta, "the delta of a since b shares memory with b", c.enc[i], c.enc[j])
		}
	}
}
