package crdttest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt/crdttest"
)

// subsets returns samples of a set: the bottom with memory of its own, single keys, and several.
func subsets[L any](of func(bits) L) (samples []L) {
	for _, keys := range []string{"", "a", "b", "ab", "bc", "abcdefgh"} {
		b := letters(keys)
		if keys == "" {
			b.m = map[byte]bool{}
		}
		samples = append(samples, of(b))
	}
	return samples
}

func differences[D difference]() error {
	return crdttest.Deltas(subsets(func(b bits) different[D] { return different[D]{b} }))
}

func TestDeltasFindsPartsThatAreWrong(t *testing.T) {
	t.Parallel()
	const law = crdttest.LawDecompose
	find(t, []finding{
		{name: "apart", err: crdttest.Deltas(subsets(func(b bits) apart { return apart{b} }))},
		{name: "apart", err: crdttest.Irreducible(subsets(func(b bits) apart { return apart{b} }))},
		{"the whole as its part", crdttest.Irreducible(subsets(func(b bits) whole { return whole{b} })), law, "merge of samples that are smaller"},
		{"reducible parts", crdttest.Deltas(subsets(func(b bits) pairwise { return pairwise{b} })), law, "comes apart into"},
		{"overlapping parts", crdttest.Deltas(subsets(func(b bits) twice { return twice{b} })), law, "below the merge of the others"},
		{"the bottom as a part", crdttest.Deltas(subsets(func(b bits) hollow { return hollow{b} })), law, "below the merge of the others"},
		{"a part is missing", crdttest.Deltas(subsets(func(b bits) lossy { return lossy{b} })), law, "the parts of a merge to b"},
		{"in map order", crdttest.Deltas(subsets(func(b bits) shuffled { return shuffled{b} })), law, "a part was b and then c"},
		{
			"in order of insertion",
			crdttest.Deltas(subsets(func(b bits) historic { return historic{b, b.keys()} })), law, "a part was b and then c",
		},
		{"fewer parts each time", crdttest.Deltas(subsets(func(b bits) draining { return draining{b} })), law, "parts and into"},
		{"changed by it", crdttest.Deltas(subsets(func(b bits) tainted { return tainted{bits: b} })), law, "decomposing a made it b"},
		{
			"never ends",
			crdttest.Deltas(subsets(func(b bits) unstoppable { return unstoppable{b} })), law, "went on after the loop had ended",
		},
		{"shares memory", crdttest.Deltas(subsets(func(b bits) sharing { return sharing{b} })), law, "a changed when its part b grew"},
		{"lends memory", crdttest.Deltas(subsets(func(b bits) renting { return renting{bits: b} })), law, "the part b of a changed when a grew"},
	})
}

func TestDeltasFindsDeltasThatAreWrong(t *testing.T) {
	t.Parallel()
	const law = crdttest.LawDelta
	find(t, []finding{
		{"too large", differences[all](), law, "the least one is d"},
		{"a part is missing", differences[fewer](), law, "the least one is d"},
		{
			"a part is missing everywhere",
			crdttest.Deltas(subsets(func(b bits) lossy { return lossy{b} })), law, "b merged with the delta of a since b is c",
		},
		{"changes the set", differences[taking](), law, "made them c and d"},
		{"changes since", differences[giving](), law, "made them c and d"},
		{"shares memory with the set", differences[lendingDelta](), law, "changed when a grew"},
		{"shares memory with since", differences[lendingSince](), law, "changed when b grew"},
		{
			"writes to memory of the set",
			crdttest.Deltas(subsets(func(b bits) copying { return copying{bits: b} })), law, "changed when the delta of a since b grew",
		},
	})
}

func TestDeltasNeedsWhatItChecks(t *testing.T) {
	t.Parallel()
	if err := crdttest.Deltas([]good{{cell{1, 1}}}); err == nil || !strings.Contains(err.Error(), "not Decomposable") {
		t.Errorf("want an error that the type does not come apart, got %v", err)
	}
	if err := crdttest.Deltas([]apart{{}}); !errors.Is(err, crdttest.ErrVacuous) {
		t.Errorf("want ErrVacuous, got %v", err)
	}
}
