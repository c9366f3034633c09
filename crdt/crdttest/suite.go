package crdttest

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// Suite is what [Check] needs to know of a lattice. Only Samples are required.
type Suite[L any] struct {
	// Samples are picked by a person, 5 to 30: equal, comparable and incomparable, with ties in every field that a merge compares, with
	// every optional part absent and present, and settled if the type is a [crdt.Settler]. The bottom is always added.
	Samples []L
	// Random makes a value that some history could have made.
	Random func(r *rand.Rand) L
	// Updates change a state and return the delta, each for an origin of its own: see [Mutator].
	Updates []func(x *L) (delta L)
	// UpSets are questions about the type whose yes is final: see [UpwardClosed].
	UpSets []crdt.UpSet[L]
	// Coarse says that some values do not come apart although smaller ones merge to them, or that the samples could not
	// occur together: [Irreducible] is left out.
	Coarse bool
	// Endless says that no value of the type ever settles, although it has the method: [Settled] is left out.
	Endless bool
}

// How much [Refute] tries at random. It is always the same: for more, call the checks one by one.
const (
	suiteSeed   = 1
	suiteRounds = 100 // of RandomLaws
	suiteInputs = 300 // of Hostile
	suiteExtra  = 4   // random values added to the samples of the other checks
)

// Check fails t if [Refute] finds a broken law. It is all that the test of a lattice needs to call, besides tests of what the
// value means and of functions of it.
func Check[L any, P crdt.Lattice[L]](t testing.TB, s Suite[L]) {
	t.Helper()
	fail(t, Refute[L, P](s))
}

// Refute makes every check of this package that applies to the type and for which s has what it takes, in this order: [ZeroValue], [Laws],
// [RandomLaws], [Hostile], [Confluence], [Deltas] and [Irreducible] if it is [crdt.Decomposable], [Settled] if it is a [crdt.Settler], [Mutator],
// [UpwardClosed]. It returns the error of the first that fails, since the later ones rely on it, or nil.
func Refute[L any, P crdt.Lattice[L]](s Suite[L]) error {
	if err := ZeroValue[L, P](); err != nil {
		return err
	}
	if err := Laws[L, P](s.Samples); err != nil {
		return err
	}
	bottom, samples := boxed[L, P](nil)[0], slices.Clone(s.Samples)
	if s.Random != nil {
		if err := RandomLaws[L, P](suiteSeed, suiteRounds, s.Random); err != nil {
			return err
		}
		rng := rand.New(rand.NewPCG(suiteSeed, 1))
		for range suiteExtra {
			samples = append(samples, s.Random(rng))
		}
	}
	if err := Hostile[L, P](suiteSeed, suiteInputs, samples); err != nil {
		return err
	}
	if err := Confluence[L, P](samples); err != nil && !errors.Is(err, ErrVacuous) {
		return err // there may be no two values above the bottom
	}
	if bottom.decomposable() {
		if err := Deltas[L, P](samples); err != nil {
			return err
		}
		if !s.Coarse {
			if err := Irreducible[L, P](samples); err != nil {
				return err
			}
		}
	}
	if _, ok := bottom.settled(); ok && !s.Endless {
		if err := Settled[L, P](samples); err != nil {
			return err
		}
	}
	if len(s.Updates) > 0 {
		if err := Mutator[L, P](samples, s.Updates...); err != nil {
			return err
		}
	}
	for _, u := range s.UpSets {
		if err := UpwardClosed[L, P](u, samples); err != nil {
			return err
		}
	}
	return nil
}
