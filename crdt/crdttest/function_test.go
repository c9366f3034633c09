package crdttest_test

import (
	"cmp"
	"errors"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

type (
	numbers = crdt.GSet[int]
	largest = crdt.Max[int]
	latest  = crdt.Map[string, crdt.Max[int], *crdt.Max[int]]
)

// some are sets of which several are incomparable.
func some() []numbers {
	return []numbers{crdt.GSetOf(1), crdt.GSetOf(2), crdt.GSetOf(1, 3), crdt.GSetOf(-4, 2), crdt.GSetOf(5, 6, 7)}
}

// pick returns the image of the elements for which f is ok.
func pick(s *numbers, f func(int) (int, bool)) (picked numbers) {
	for x := range s.All() {
		if y, ok := f(x); ok {
			picked.Add(y)
		}
	}
	return picked
}

func squares(s *numbers) numbers { return pick(s, func(x int) (int, bool) { return x * x, true }) }

func even(s *numbers) numbers { return pick(s, func(x int) (int, bool) { return x, x%2 == 0 }) }

func size(s *numbers) largest { return crdt.MaxOf(s.Len()) }

// smallest is the smallest element, as if that could only grow.
func smallest(s *numbers) (m largest) {
	for x := range s.All() {
		return crdt.MaxOf(x)
	}
	return m
}

func TestMorphism(t *testing.T) {
	t.Parallel()
	const law = crdttest.LawMorphism
	// The wrong functions are right on each sample alone, and size also on any chain.
	chain := []numbers{crdt.GSetOf(1), crdt.GSetOf(1, 2), crdt.GSetOf(1, 2, 3)}
	find(t, []finding{
		{name: "map", err: crdttest.Morphism(squares, some())},
		{name: "filter", err: crdttest.Morphism(even, some())},
		{name: "a constant is added", err: crdttest.Morphism(func(s *numbers) numbers {
			plus := crdt.Clone(s)
			plus.Add(0)
			return plus
		}, some())},
		{name: "size on a chain", err: crdttest.Morphism(size, chain)},
		{"size", crdttest.Morphism(size, some()), law, "f(a ⊔ b) is c, f(a) ⊔ f(b) is d"},
		{"smallest", crdttest.Morphism(smallest, some()), law, ""},
		{"negation", crdttest.Morphism(func(s *numbers) numbers {
			return pick(s, func(x int) (int, bool) { return x, !s.Contains(1) })
		}, some()), law, ""},
	})
}

func TestKeepsBottom(t *testing.T) {
	t.Parallel()
	find(t, []finding{
		{name: "map", err: crdttest.KeepsBottom(squares)},
		{"size", crdttest.KeepsBottom(size), crdttest.LawBottomKept, "f of the bottom is a"},
	})
}

func TestMonotone(t *testing.T) {
	t.Parallel()
	const law = crdttest.LawMonotone
	find(t, []finding{
		{name: "map", err: crdttest.Monotone(squares, some())},
		{name: "size", err: crdttest.Monotone(size, some())},
		{"smallest", crdttest.Monotone(smallest, some()), law, "f(a) is c, which is not below d"},
		{"difference", crdttest.Monotone(func(s *numbers) numbers {
			return pick(s, func(x int) (int, bool) { return x, !s.Contains(x + 1) })
		}, some()), law, ""},
		{"few only", crdttest.Monotone(func(s *numbers) numbers {
			return pick(s, func(x int) (int, bool) { return x, s.Len() < 3 })
		}, some()), law, ""},
	})
}

func TestLowerBound(t *testing.T) {
	t.Parallel()
	const law = crdttest.LawLowerBound
	calls := 0
	samples := subsets(func(b bits) apart { return apart{b} })
	find(t, []finding{
		{name: "size", err: crdttest.LowerBound((*numbers).Len, cmp.Compare, some())},
		{name: "smallest, downward", err: crdttest.LowerBound(func(s *numbers) int {
			for x := range s.All() {
				return x
			}
			return 1 << 30
		}, func(a, b int) int { return cmp.Compare(b, a) }, some())},
		{"average", crdttest.LowerBound(func(s *numbers) (mean float64) {
			for x := range s.All() {
				mean += float64(x) / float64(s.Len())
			}
			return mean
		}, cmp.Compare, some()), law, "the answer for a is"},
		{"smallest over what was seen so far", crdttest.LowerBound(func(m *latest) int {
			at, _ := slowest(m)
			return at
		}, cmp.Compare, shards()), law, ""},
		{"counts its calls", crdttest.LowerBound(func(*numbers) int {
			calls++
			return calls
		}, cmp.Compare, some()), crdttest.LawPure, "asked about a twice"},
		{"changes the state", crdttest.LowerBound(func(s *apart) int {
			s.add([]byte("z"))
			return len(s.m)
		}, cmp.Compare, samples), crdttest.LawPure, "the query changed a into b"},
	})
}

func TestFunctionsMustBePure(t *testing.T) {
	t.Parallel()
	const law = crdttest.LawPure
	calls := 0
	monotone := func(f func(*apart) apart) error {
		return crdttest.Monotone(f, subsets(func(b bits) apart { return apart{b} }))
	}
	find(t, []finding{
		{name: "copy", err: monotone(func(s *apart) apart { return apart{letters(string(s.keys()))} })},
		{"counts its calls", monotone(func(*apart) apart {
			calls++
			return apart{letters(string(rune('a' + calls%26)))}
		}), law, "applied to a twice"},
		{"changes its argument", monotone(func(s *apart) apart {
			s.add([]byte("z"))
			return apart{letters(string(s.keys()))}
		}), law, "f changed a into b"},
		{"returns its argument", monotone(func(s *apart) apart { return *s }), law, "changed when a grew"},
		{"looks at memory", monotone(func(s *apart) apart {
			if s.m == nil {
				return apart{}
			}
			return apart{letters("z")}
		}), law, "f of a decoded copy of a is c"},
		{"writes to its argument later", crdttest.Monotone(func(s *copying) copying {
			s.shared = true
			return copying{bits: s.bits}
		}, subsets(func(b bits) copying { return copying{bits: b} })), law, "f(a) was b, and a changed when that grew"},
	})
}

// join pairs everything with everything: a bimorphism.
func join(a, b *numbers) (pairs numbers) {
	for x := range a.All() {
		for y := range b.All() {
			pairs.Add(100*x + y)
		}
	}
	return pairs
}

// zip pairs elements of the same rank.
func zip(a, b *numbers) (pairs numbers) {
	bs := slices.Collect(b.All())
	for x := range a.All() {
		if len(bs) > 0 {
			pairs.Add(100*x + bs[0])
			bs = bs[1:]
		}
	}
	return pairs
}

func TestBimorphism(t *testing.T) {
	t.Parallel()
	const law = crdttest.LawBimorphism
	few := some()[:3]
	find(t, []finding{
		{name: "join", err: crdttest.Bimorphism(join, some(), few)},
		{name: "union", err: crdttest.Bimorphism(func(a, b *numbers) numbers {
			both := crdt.Clone(a)
			both.Merge(b)
			return both
		}, some(), few)},
		{"zip", crdttest.Bimorphism(zip, some(), few), law, ""},
		{"product of sizes", crdttest.Bimorphism(func(a, b *numbers) largest {
			return crdt.MaxOf(a.Len() * b.Len())
		}, some(), few), law, ""},
		{"not in the first", crdttest.Bimorphism(func(a, b *numbers) largest {
			return crdt.MaxOf(a.Len())
		}, some(), few), law, "f(a ⊔ b, c) is d"},
		{"not in the second", crdttest.Bimorphism(func(a, b *numbers) largest {
			return crdt.MaxOf(b.Len())
		}, few, some()), law, "f(a, b ⊔ c) is d"},
	})
}

// That a join is accepted means that the check asks for each argument alone: for both at once it is false.
func TestJoinIsNoMorphismOfPairs(t *testing.T) {
	t.Parallel()
	a, b, x, y := crdt.GSetOf(1), crdt.GSetOf(2), crdt.GSetOf(3), crdt.GSetOf(4)
	apart, other := join(&a, &x), join(&b, &y)
	apart.Merge(&other)
	a.Merge(&b)
	x.Merge(&y)
	if joint := join(&a, &x); joint.Len() != 4 || apart.Len() != 2 {
		t.Errorf("got %d pairs of both, %d of each: want 4 and 2", joint.Len(), apart.Len())
	}
}

func TestBimorphismsMustBePure(t *testing.T) {
	t.Parallel()
	const law = crdttest.LawPure
	calls := 0
	samples := func() []apart { return subsets(func(b bits) apart { return apart{b} }) }
	shared := func() []copying { return subsets(func(b bits) copying { return copying{bits: b} }) }
	find(t, []finding{
		{"counts its calls", crdttest.Bimorphism(func(_, _ *apart) apart {
			calls++
			return apart{letters(string(rune('a' + calls%26)))}
		}, samples(), samples()), law, "applied to a and b twice"},
		{"changes the first", crdttest.Bimorphism(func(a, b *apart) apart {
			a.add(b.keys())
			return apart{}
		}, samples(), samples()), law, "f changed a and b"},
		{"changes the second", crdttest.Bimorphism(func(a, b *apart) apart {
			b.add(a.keys())
			return apart{}
		}, samples(), samples()), law, "f changed a and b"},
		{"returns the first", crdttest.Bimorphism(func(a, _ *apart) apart { return *a }, samples(), samples()), law, "when a and b grew"},
		{"returns the second", crdttest.Bimorphism(func(_, b *apart) apart { return *b }, samples(), samples()), law, "when a and b grew"},
		{"writes to the first later", crdttest.Bimorphism(func(a, _ *copying) copying {
			a.shared = true
			return copying{bits: a.bits}
		}, shared(), shared()), law, "when that grew"},
		{"writes to the second later", crdttest.Bimorphism(func(_, b *copying) copying {
			b.shared = true
			return copying{bits: b.bits}
		}, shared(), shared()), law, "when that grew"},
	})
}

func TestFunctionChecksNeedSamples(t *testing.T) {
	t.Parallel()
	none := []numbers{{}}
	for name, err := range map[string]error{
		"monotone":    crdttest.Monotone(squares, none),
		"morphism":    crdttest.Morphism(squares, none),
		"bimorphism":  crdttest.Bimorphism(join, some(), none),
		"lower bound": crdttest.LowerBound((*numbers).Len, cmp.Compare, none),
	} {
		if !errors.Is(err, crdttest.ErrVacuous) {
			t.Errorf("%s: want ErrVacuous, got %v", name, err)
		}
	}
	ink := []failing{{cell{1, 1}}}
	encoding := crdttest.LawEncoding
	find(t, []finding{
		{"argument of a morphism", crdttest.Morphism(func(*failing) numbers { return numbers{} }, ink), encoding, "no ink"},
		{"outcome of a morphism", crdttest.Morphism(func(*numbers) failing { return failing{} }, some()), encoding, "no ink"},
		{"outcome for the bottom", crdttest.KeepsBottom(func(*numbers) failing { return failing{} }), encoding, "no ink"},
		{"argument of a query", crdttest.LowerBound(func(*failing) int { return 1 }, cmp.Compare, ink), encoding, "no ink"},
		{
			"first argument of a bimorphism",
			crdttest.Bimorphism(func(*failing, *numbers) numbers { return numbers{} }, ink, some()), encoding, "no ink",
		},
		{
			"second argument of a bimorphism",
			crdttest.Bimorphism(func(*numbers, *failing) numbers { return numbers{} }, some(), ink), encoding, "no ink",
		},
		{
			"outcome of a bimorphism",
			crdttest.Bimorphism(func(_, _ *numbers) failing { return failing{} }, some(), some()), encoding, "no ink",
		},
	})
}
