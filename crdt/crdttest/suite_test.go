package crdttest_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

func randomNumbers(r *rand.Rand) (s numbers) {
	for range r.IntN(4) {
		s.Add(r.IntN(9))
	}
	return s
}

// goodSuite is complete and finds nothing.
func goodSuite() crdttest.Suite[numbers] {
	return crdttest.Suite[numbers]{
		Samples: some(),
		Random:  randomNumbers,
		Updates: []func(*numbers) numbers{
			func(s *numbers) numbers { return s.Add(1) },
			func(s *numbers) numbers { return s.Add(2) },
		},
		UpSets: []crdt.UpSet[numbers]{crdt.Contains(1), crdt.SizeAtLeast[int](3)},
	}
}

func samples[L any](of ...L) crdttest.Suite[L] { return crdttest.Suite[L]{Samples: of} }

// Each check is made: the type of each row is refuted by that check alone.
func TestRefuteMakesEveryCheck(t *testing.T) {
	t.Parallel()
	reset, question := goodSuite(), goodSuite()
	reset.Updates = append(reset.Updates, func(s *numbers) numbers { *s = crdt.GSetOf(9); return *s })
	question.UpSets = append(question.UpSets, crdt.AssertUpSet("one", func(s *numbers) bool { return s.Len() == 1 }))
	find(t, []finding{
		{name: "set", err: crdttest.Refute(goodSuite())},
		{name: "samples alone", err: crdttest.Refute(samples(some()...))},
		{name: "one sample", err: crdttest.Refute(samples(crdt.MaxOf(7)))},
		{name: "settles", err: crdttest.Refute(samples(point{cell{1, 0}}, point{cell{2, 1}}))},
		{"zero value", crdttest.Refute(samples(writing{letters("a")})), crdttest.LawZeroValue, ""},
		{"laws", crdttest.Refute(samples(sum{cell{1, 1}})), crdttest.LawIdempotent, ""},
		{"random laws", crdttest.Refute(crdttest.Suite[dominating]{
			Samples: []dominating{{cell{1, 0}}},
			Random:  func(r *rand.Rand) dominating { return dominating{cell{byte(r.IntN(4)), byte(r.IntN(4))}} },
		}), crdttest.LawAssociative, ""},
		{"hostile bytes", crdttest.Refute(samples(listed[shifted]()...)), crdttest.LawBottom, ""},
		{"confluence", crdttest.Refute(samples(singles("abcd")...)), crdttest.LawConfluent, ""},
		{"confluence of random values", crdttest.Refute(crdttest.Suite[bounded]{
			Samples: singles("ab"),
			Random:  singleOf("abcdefgh"),
		}), crdttest.LawConfluent, ""},
		{"deltas", crdttest.Refute(samples(subsets(func(b bits) different[all] { return different[all]{b} })...)), crdttest.LawDelta, ""},
		{"settled", crdttest.Refute(samples(overzealous{cell{1, 0}}, overzealous{cell{3, 0}})), crdttest.LawSettled, ""},
		{"updates", crdttest.Refute(reset), crdttest.LawInflationary, ""},
		{"upward-closed sets", crdttest.Refute(question), crdttest.LawUpwardClosed, ""},
	})
}

// singleOf makes one key at random: the laws, which see three at a time, find nothing.
func singleOf(keys string) func(*rand.Rand) bounded {
	return func(r *rand.Rand) bounded { return bounded{letters(keys[r.IntN(len(keys)):][:1])} }
}

// shifted accepts lists that two bits more would sort, which only chance finds.
type shifted struct{}

func (shifted) items(data []byte) ([]byte, error) {
	if len(data) == 3 && data[0] == 2 && data[1] > data[2]+1 {
		return []byte{data[1], data[2]}, nil
	}
	return careful{}.items(data)
}

func TestRefuteNeedsSamples(t *testing.T) {
	t.Parallel()
	unasked := goodSuite()
	unasked.UpSets = []crdt.UpSet[numbers]{crdt.Contains(-1000)}
	for name, err := range map[string]error{
		"no samples":        crdttest.Refute(crdttest.Suite[numbers]{}),
		"random bottoms":    crdttest.Refute(crdttest.Suite[numbers]{Samples: some(), Random: func(*rand.Rand) numbers { return numbers{} }}),
		"none settled":      crdttest.Refute(samples(complete{letters("a")})),
		"a set never holds": crdttest.Refute(unasked),
	} {
		if !errors.Is(err, crdttest.ErrVacuous) {
			t.Errorf("%s: want ErrVacuous, got %v", name, err)
		}
	}
}
