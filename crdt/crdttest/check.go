package crdttest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// CheckLaws fails t if [Laws] finds a broken law among the samples.
func CheckLaws[L any, P crdt.Lattice[L]](t testing.TB, samples []L) {
	t.Helper()
	fail(t, Laws[L, P](samples))
}

// CheckRandom fails t if [RandomLaws] finds a broken law. The message holds the seed.
func CheckRandom[L any, P crdt.Lattice[L]](t testing.TB, seed uint64, n int, gen func(*rand.Rand) L) {
	t.Helper()
	fail(t, RandomLaws[L, P](seed, n, gen))
}

// CheckUpSet fails t if [UpwardClosed] refutes the set.
func CheckUpSet[L any, P crdt.Lattice[L]](t testing.TB, u crdt.UpSet[L], samples []L) {
	t.Helper()
	fail(t, UpwardClosed[L, P](u, samples))
}

// Laws checks all laws of a lattice over the samples and the bottom: those of three values for every triple. It returns nil,
// or joined errors, at most one [*Violation] for each law. The cost is cubic in the number of samples; 10 to 30 are
// a good number.
//
// The samples are only read, as far as the laws hold.
func Laws[L any, P crdt.Lattice[L]](samples []L) error {
	return newChecker(boxed[L, P](samples)).laws()
}

func (c *checker) laws() error {
	c.check(c.checkEncoding, c.checkLengths, c.checkDecoding, c.checkMerges)
	if err := c.err(); err != nil {
		return err
	}
	if !c.anyAboveBottom() {
		return errOnlyBottom
	}
	return nil
}

// RandomLaws checks the laws of a lattice n times, each time over three values from gen and the merge of the first two.
// The error names the seed and the round. The same seed gives the same values.
func RandomLaws[L any, P crdt.Lattice[L]](seed uint64, n int, gen func(*rand.Rand) L) error {
	return randomLaws(seed, n, func(rng *rand.Rand) []value { return boxed[L, P]([]L{gen(rng), gen(rng), gen(rng)}) })
}

// randomLaws is RandomLaws with values of any lattice: the bottom and three others each time.
func randomLaws(seed uint64, n int, gen func(*rand.Rand) []value) error {
	rng := rand.New(rand.NewPCG(seed, 0))
	vacuous := true
	for round := range n {
		samples := gen(rng)
		ab := samples[0].bottom()
		ab.merge(samples[1])
		ab.merge(samples[2])
		c := newChecker(append(samples, ab))
		c.check(c.checkEncoding, c.checkDecoding, c.checkMerges)
		if err := c.err(); err != nil {
			return fmt.Errorf("seed %d, round %d of %d:\n%w", seed, round+1, n, err)
		}
		vacuous = vacuous && !c.anyAboveBottom()
	}
	if vacuous {
		return fmt.Errorf("%w: none of %d rounds gave a value above the bottom", ErrVacuous, n)
	}
	return nil
}

// UpwardClosed checks that u holds for the merge of a and b whenever it holds for a, over all pairs of samples and the
// bottom, and that asking changes nothing. It returns nil, a [*Violation], or an error that wraps
// [ErrVacuous] if u holds for none of the samples. It relies on the laws of the lattice: check them first.
func UpwardClosed[L any, P crdt.Lattice[L]](u crdt.UpSet[L], samples []L) error {
	holds := func(v value) bool { return u.Holds(unbox[L](v)) }
	return newChecker(boxed[L, P](samples)).upwardClosed(question{u.String(), holds})
}

// question is an UpSet of any lattice.
type question struct {
	name  string
	holds func(value) bool
}

func (c *checker) upwardClosed(u question) error {
	if c.checkEncoding(); len(c.errs) > 0 {
		return c.err()
	}
	held := false
	for i := range c.samples {
		held = c.checkUpSet(u, i) || held
	}
	if err := c.err(); err != nil {
		return err
	}
	if !held {
		return fmt.Errorf("%w: %q holds for none of them; add one for which it does", ErrVacuous, u.name)
	}
	return nil
}
