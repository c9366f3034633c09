package crdttest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// CheckConfluence fails t if [Confluence] finds two states.
func CheckConfluence[L any, P crdt.Lattice[L]](t testing.TB, deltas []L) {
	t.Helper()
	fail(t, Confluence[L, P](deltas))
}

// schedules is how many ways of merging are tried.
const schedules = 100

// Confluence checks that deltas, merged into the bottom in any order, any batching and any duplication, give one state. It tries 100
// ways, always the same. It returns nil, a [*Violation], or an error that wraps [ErrVacuous] if fewer than two deltas are
// above the bottom.
//
// For a lattice it always holds. It finds what [Laws], which looks at three values, is too short-sighted for: a merge that
// goes wrong only in a state that is large or has come about in a certain way.
func Confluence[L any, P crdt.Lattice[L]](deltas []L) error {
	return newChecker(boxed[L, P](deltas)).confluence()
}

func (c *checker) confluence() error {
	if c.checkEncoding(); len(c.errs) > 0 {
		return c.err()
	}
	above := 0
	for _, enc := range c.enc[1:] {
		if !bytes.Equal(enc, c.enc[0]) {
			above++
		}
	}
	if above < 2 {
		return fmt.Errorf("%w: fewer than two of them are above the bottom", ErrVacuous)
	}
	want := c.bottom()
	c.grow(want)
	c.checkSchedules(c.bottom(), c.bytesOf(want))
	return c.err()
}

// checkSchedules merges the samples into copies of start in many ways, which all must give want.
func (c *checker) checkSchedules(start value, want []byte) {
	rng := rand.New(rand.NewPCG(1, 0))
	from := c.bytesOf(start)
	for range schedules {
		got := c.decoded(start)
		var way strings.Builder
		for _, batch := range c.schedule(rng) {
			sum := c.bottom()
			fmt.Fprintf(&way, " %v", batch)
			for _, k := range batch {
				sum.merge(c.fresh(k))
			}
			got.merge(sum)
		}
		if !c.is(got, want) {
			c.add(LawConfluent, "deltas (0 is the bottom) were merged into a, in order giving b, in batches"+way.String()+" giving c",
				from, want, c.bytesOf(got))
			return
		}
	}
}

// schedule returns all samples in a random order, some more than once, in batches of random sizes.
func (c *checker) schedule(rng *rand.Rand) (batches [][]int) {
	order := rng.Perm(len(c.samples))
	for range rng.IntN(1 + len(order)) {
		order = append(order, rng.IntN(len(c.samples)))
	}
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for len(order) > 0 {
		n := 1 + rng.IntN(min(4, len(order)))
		batches = append(batches, order[:n])
		order = order[n:]
	}
	return batches
}
