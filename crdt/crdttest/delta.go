package crdttest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// CheckDeltas fails t if [Deltas] finds a broken law among the samples.
func CheckDeltas[L any, P crdt.Lattice[L]](t testing.TB, samples []L) {
	t.Helper()
	fail(t, Deltas[L, P](samples))
}

// Deltas checks that values come apart into irreducible and irredundant parts, always in the same order, and that Delta is
// the least difference, over all pairs of samples and the bottom. That a part is irreducible is refuted by samples below it, so
// add some that have a single part. It returns nil, or joined errors, at most one [*Violation] for
// each law. A type that is no [crdt.Decomposable] is an error. It relies on the laws of the lattice: check them
// first.
func Deltas[L any, P crdt.Lattice[L]](samples []L) error {
	return newChecker(boxed[L, P](samples)).deltas()
}

func (c *checker) deltas() error {
	if bottom := c.bottom(); !bottom.decomposable() {
		return fmt.Errorf("crdttest: %T is not Decomposable", bottom.pointer())
	}
	if c.checkEncoding(); len(c.errs) > 0 {
		return c.err()
	}
	if !c.anyAboveBottom() {
		return errOnlyBottom
	}
	for i := range c.samples {
		parts := c.checkStable(i)
		c.checkParts(i, parts)
		c.checkPartsAlias(i)
		for j := range c.samples {
			c.checkDelta(i, j, parts)
			c.checkDeltaAlias(i, j)
		}
	}
	return c.err()
}

// Irreducible checks that no part of a sample is the merge of samples that are smaller than the part: then it could have come
// apart further, and deltas are larger than they must be. It returns nil, a [*Violation], or an error if the type is no
// [crdt.Decomposable]. It relies on [Deltas].
//
// Samples must be values that can occur together. In a causal type a dot stands for one operation: two samples in which it
// stands for different ones merge to a value that no history has.
func Irreducible[L any, P crdt.Lattice[L]](samples []L) error {
	return newChecker(boxed[L, P](samples)).irreducible()
}

func (c *checker) irreducible() error {
	if bottom := c.bottom(); !bottom.decomposable() {
		return fmt.Errorf("crdttest: %T is not Decomposable", bottom.pointer())
	}
	if c.checkEncoding(); len(c.errs) > 0 {
		return c.err()
	}
	for i := range c.samples {
		for _, part := range partsOf(c.fresh(i)) {
			enc := c.bytesOf(part)
			if low := c.strictlyBelow(part, enc); c.is(low, enc) {
				c.add(LawDecompose, "b is a part of a, and the merge of samples that are smaller than b", c.enc[i], enc)
			}
		}
	}
	return c.err()
}

func partsOf(x value) []value { return slices.Collect(x.parts()) }

// checkStable decomposes sample i often, and also the merge of its parts in the opposite order, whose memory may be
// laid out in another way. It returns the parts.
func (c *checker) checkStable(i int) []value {
	x, rebuilt := c.fresh(i), c.bottom()
	parts := partsOf(x)
	for k := len(parts) - 1; k >= 0; k-- {
		rebuilt.merge(parts[k])
	}
	for try := range encodings {
		from := x
		if try == 0 && c.is(rebuilt, c.enc[i]) {
			from = rebuilt
		}
		again := partsOf(from)
		if len(again) != len(parts) {
			c.add(LawDecompose, fmt.Sprintf("a was decomposed into %d parts and into %d", len(parts), len(again)), c.enc[i])
		}
		for k := range min(len(parts), len(again)) {
			if enc := c.bytesOf(parts[k]); !c.is(again[k], enc) {
				c.add(LawDecompose, "a was decomposed twice, and a part was b and then c", c.enc[i], enc, c.bytesOf(again[k]))
			}
		}
	}
	if !c.is(x, c.enc[i]) {
		c.add(LawDecompose, "decomposing a made it b", c.enc[i], c.bytesOf(x))
	}
	stopped := false
	x.parts()(func(value) bool {
		if stopped {
			c.add(LawDecompose, "decomposing a went on after the loop had ended", c.enc[i])
		}
		stopped = true
		return false
	})
	return parts
}

// checkParts checks that the parts of sample i merge back to it, and that none can be left out or taken apart. Of
// very many parts it looks at a few.
func (c *checker) checkParts(i int, parts []value) {
	all := c.bottom()
	for k := range parts {
		all.merge(parts[k])
	}
	if !c.is(all, c.enc[i]) {
		c.add(LawDecompose, "the parts of a merge to b", c.enc[i], c.bytesOf(all))
	}
	for k := 0; k < len(parts); k += 1 + len(parts)/maxCuts {
		part := c.bytesOf(parts[k])
		if sub := partsOf(parts[k]); len(sub) != 1 || !c.is(sub[0], part) {
			c.add(LawDecompose, fmt.Sprintf("b is a part of a, and comes apart into %d further ones", len(sub)), c.enc[i], part)
		}
		others := c.bottom()
		for o := range parts {
			if o != k {
				others.merge(parts[o])
			}
		}
		if c.is(others, c.enc[i]) {
			c.add(LawDecompose, "the part b of a is below the merge of the others", c.enc[i], part)
		}
	}
}

// strictlyBelow returns the merge of all samples below x but for x itself.
func (c *checker) strictlyBelow(x value, enc []byte) value {
	low := c.bottom()
	for i := range c.samples {
		if y := c.fresh(i); !c.is(y, enc) {
			if y.merge(x); c.is(y, enc) {
				low.merge(c.samples[i])
			}
		}
	}
	return low
}

// checkPartsAlias changes the parts of sample i, and then the sample: the others must stay.
func (c *checker) checkPartsAlias(i int) {
	x := c.fresh(i)
	parts := partsOf(x)
	for k := range parts {
		before := c.bytesOf(parts[k])
		if c.grow(parts[k]); !c.is(x, c.enc[i]) {
			c.add(LawDecompose, "a changed when its part b grew", c.enc[i], before)
			return
		}
	}
	parts, again := partsOf(x), partsOf(c.fresh(i))
	c.grow(x)
	for k := range parts {
		if before := c.bytesOf(again[k]); !c.is(parts[k], before) {
			c.add(LawDecompose, "the part b of a changed when a grew", c.enc[i], before)
		}
	}
}

// checkDelta compares the delta of sample i since sample j with its definition.
func (c *checker) checkDelta(i, j int, parts []value) {
	x, since := c.fresh(i), c.fresh(j)
	got := x.delta(since)
	if !c.is(x, c.enc[i]) || !c.is(since, c.enc[j]) {
		c.add(LawDelta, "asking for the delta of a since b made them c and d", c.enc[i], c.enc[j], c.bytesOf(x), c.bytesOf(since))
	}
	want := c.bottom()
	known := c.fresh(j)
	for k := range parts {
		if known.merge(parts[k]) {
			want.merge(parts[k])
			known = c.fresh(j)
		}
	}
	if enc := c.bytesOf(want); !c.is(got, enc) {
		c.add(LawDelta, "the delta of a since b is c, the least one is d", c.enc[i], c.enc[j], c.bytesOf(got), enc)
	}
	since = c.fresh(j)
	if since.merge(got); !bytes.Equal(c.bytesOf(since), c.bytesOf(c.merged(i, j))) {
		c.add(LawDelta, "b merged with the delta of a since b is c, not a merged with b", c.enc[i], c.enc[j], c.bytesOf(since))
	}
}

// checkDeltaAlias changes what a delta was made of, and then the delta: the other must stay.
func (c *checker) checkDeltaAlias(i, j int) {
	x, since := c.fresh(i), c.fresh(j)
	got := x.delta(since)
	before := c.bytesOf(got)
	if c.grow(x); !c.is(got, before) {
		c.add(LawDelta, "the delta of a since b changed when a grew", c.enc[i], c.enc[j])
	}
	if c.grow(since); !c.is(got, before) {
		c.add(LawDelta, "the delta of a since b changed when b grew", c.enc[i], c.enc[j])
	}
	x, since = c.fresh(i), c.fresh(j)
	got = x.delta(since)
	if c.grow(got); !c.is(x, c.enc[i]) || !c.is(since, c.enc[j]) {
		c.add(LawDelta, "a or b changed when the delta of a since b grew", c.enc[i], c.enc[j])
	}
}
