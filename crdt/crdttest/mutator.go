package crdttest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// CheckMutator fails t if [Mutator] refutes one of the updates.
func CheckMutator[L any, P crdt.Lattice[L]](t testing.TB, samples []L, updates ...func(x *L) (delta L)) {
	t.Helper()
	fail(t, Mutator[L, P](samples, updates...))
}

// laps is how often each replica makes its update.
const laps = 3

// Mutator checks updates that change a state and return the delta, such as GSet.Add. For each sample and the bottom:
//
//   - the state after is above the state before;
//   - the state before, merged with the delta, is the state after;
//   - the delta is bottom if nothing changed, and, if the type is [crdt.Decomposable], has no part that the state had before;
//   - delta and state share no memory, and both depend on the state before alone.
//
// Then it lets each update be made at a replica of its own, which now and then hears of the others, and checks that
// merging the deltas, in any order, batching and duplication, gives the same as merging the states of the replicas. So let
// each update act for an origin of its own.
//
// It returns nil, joined errors, at most one [*Violation] for each law, or an error that wraps [ErrVacuous] if an update
// changes none of the samples. It relies on the laws of the lattice, and on [Deltas]: check them first.
func Mutator[L any, P crdt.Lattice[L]](samples []L, updates ...func(x *L) (delta L)) error {
	of := make([]func(value) value, len(updates))
	for n, update := range updates {
		of[n] = boxedFunc[L, L, P](update)
	}
	return newChecker(boxed[L, P](samples)).mutators(of)
}

func (c *checker) mutators(updates []func(x value) (delta value)) error {
	if c.checkEncoding(); len(c.errs) > 0 {
		return c.err()
	}
	if len(updates) == 0 {
		return fmt.Errorf("%w: there is no update", ErrVacuous)
	}
	for n, update := range updates {
		changed := false
		for i := range c.samples {
			changed = c.checkUpdate(update, i) || changed
			c.checkUpdateAlias(update, i)
		}
		if len(c.errs) == 0 && !changed {
			return fmt.Errorf("%w: update %d changes none of them", ErrVacuous, n)
		}
	}
	c.check(func() {
		for i := range c.samples {
			c.checkReplicas(updates, i)
		}
	})
	return c.err()
}

// checkUpdate checks one update of sample i and reports whether it changed the sample.
func (c *checker) checkUpdate(update func(value) value, i int) (changed bool) {
	x, y := c.fresh(i), c.fresh(i)
	delta, again := update(x), update(y)
	before, after, d := c.enc[i], c.bytesOf(x), c.bytesOf(delta)
	if !c.is(y, after) || !c.is(again, d) {
		c.add(LawPure, "the update was made on two copies of a: one became b with delta c, the other d with delta e",
			before, after, d, c.bytesOf(y), c.bytesOf(again))
	}
	if y.merge(c.fresh(i)); !c.is(y, after) {
		c.add(LawInflationary, "the update made b of a, which is not above a", before, after)
	}
	y = c.fresh(i)
	if y.merge(delta); !c.is(y, after) {
		c.add(LawMutator, "the update made b of a, but a merged with its delta c is d", before, after, d, c.bytesOf(y))
	}
	if bytes.Equal(before, after) && !bytes.Equal(d, c.enc[0]) {
		c.add(LawMutator, "the update did not change a, but its delta is b", before, d)
	}
	if delta.decomposable() {
		for _, part := range partsOf(delta) {
			if !c.fresh(i).merge(part) {
				c.add(LawMutator, "the delta b of an update of a has the part c, which a had before", before, d, c.bytesOf(part))
			}
		}
	}
	return !bytes.Equal(before, after)
}

// checkUpdateAlias changes the state after an update, and then the delta: the other must stay.
func (c *checker) checkUpdateAlias(update func(value) value, i int) {
	x := c.fresh(i)
	delta := update(x)
	before := c.bytesOf(delta)
	c.grow(x)
	if update(x); !c.is(delta, before) {
		c.add(LawNoAlias, "an update of a gave the delta b, which changed when the state grew", c.enc[i], before)
	}
	x = c.fresh(i)
	delta = update(x)
	after := c.bytesOf(x)
	c.grow(delta)
	if update(delta); !c.is(x, after) {
		c.add(LawNoAlias, "an update of a gave the state b, which changed when the delta grew", c.enc[i], after)
	}
}

// checkReplicas starts a replica for each update from sample i.
func (c *checker) checkReplicas(updates []func(value) value, i int) {
	states := make([]value, len(updates))
	for k := range states {
		states[k] = c.fresh(i)
	}
	deltas := []value{c.bottom()}
	for lap := range laps {
		for k, update := range updates {
			deltas = append(deltas, update(states[k]))
			if other := states[(k+lap)%len(states)]; lap > 0 && other != states[k] {
				states[k].merge(other)
			}
		}
	}
	merged := c.fresh(i)
	for _, state := range states {
		merged.merge(state)
	}
	all := newChecker(deltas)
	all.check(all.checkEncoding, func() { all.checkSchedules(c.fresh(i), c.bytesOf(merged)) })
	c.take(&all.report)
}
