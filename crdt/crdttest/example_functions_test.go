package crdttest_test

import (
	"cmp"
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

// The size of a set is monotone, so it may be published as a growing value. It is no morphism: the larger of the sizes of two
// deltas is not the size of both.
func ExampleMorphism() {
	size := func(s *crdt.GSet[int]) crdt.Max[int] { return crdt.MaxOf(s.Len()) }
	sets := []crdt.GSet[int]{crdt.GSetOf(1), crdt.GSetOf(2)}
	fmt.Println(crdttest.Monotone(size, sets))
	fmt.Println(crdttest.Morphism(size, sets))
	// Output:
	// <nil>
	// crdttest: broken law "function is a morphism": f(a ⊔ b) is c, f(a) ⊔ f(b) is d
	// 	a = 0x010102
	// 	b = 0x010104
	// 	c = 0x0104
	// 	d = 0x0102
}

// The smallest element seen so far is a growing value only if it counts downward.
func ExampleMonotone() {
	sets := []crdt.GSet[int]{crdt.GSetOf(1), crdt.GSetOf(2)}
	fmt.Println(crdttest.Monotone(func(s *crdt.GSet[int]) (m crdt.Min[int]) {
		for x := range s.All() {
			m.Add(x)
		}
		return m
	}, sets))
	fmt.Println(crdttest.Monotone(func(s *crdt.GSet[int]) (m crdt.Max[int]) {
		for x := range s.All() {
			return crdt.MaxOf(x)
		}
		return m
	}, sets))
	// Output:
	// <nil>
	// crdttest: broken law "function is monotone": f(a) is c, which is not below d, f(a ⊔ b)
	// 	a = 0x010104
	// 	b = 0x010102
	// 	c = 0x0104
	// 	d = 0x0102
}

// A function that never sees the whole state must give nothing for nothing.
func ExampleKeepsBottom() {
	fmt.Println(crdttest.KeepsBottom(func(s *crdt.GSet[int]) crdt.Max[int] { return crdt.MaxOf(s.Len()) }))
	// Output:
	// crdttest: broken law "function keeps the bottom": f of the bottom is a, the bottom of what f gives is b
	// 	a = 0x0100
	// 	b = 0x01
}

// A count only grows; an average does not, so that what was read early is no bound.
func ExampleLowerBound() {
	sets := []crdt.GSet[int]{crdt.GSetOf(1), crdt.GSetOf(7)}
	fmt.Println(crdttest.LowerBound((*crdt.GSet[int]).Len, cmp.Compare, sets))
	average := func(s *crdt.GSet[int]) (mean float64) {
		for x := range s.All() {
			mean += float64(x) / float64(s.Len())
		}
		return mean
	}
	fmt.Println(crdttest.LowerBound(average, cmp.Compare, sets))
	// Output:
	// <nil>
	// crdttest: broken law "answer only grows": the answer for a is 7, for a merged with b it is 4
	// 	a = 0x01010e
	// 	b = 0x010102
}

// A join may be given the delta of one side and the whole of the other. Pairing by rank may not: what comes later moves the ranks.
func ExampleBimorphism() {
	join := func(a, b *crdt.GSet[int]) (pairs crdt.GSet[string]) {
		for x := range a.All() {
			for y := range b.All() {
				pairs.Add(fmt.Sprint(x, y))
			}
		}
		return pairs
	}
	first := func(a, b *crdt.GSet[int]) (pairs crdt.GSet[string]) {
		for x := range a.All() {
			for y := range b.All() {
				pairs.Add(fmt.Sprint(x, y))
				return pairs
			}
		}
		return pairs
	}
	sets := []crdt.GSet[int]{crdt.GSetOf(1), crdt.GSetOf(2)}
	fmt.Println(crdttest.Bimorphism(join, sets, sets))
	fmt.Println(crdttest.Bimorphism(first, sets, sets))
	// Output:
	// <nil>
	// crdttest: broken law "function is a bimorphism": f(a ⊔ b, c) is d, f(a, c) ⊔ f(b, c) is e
	// 	a = 0x010102
	// 	b = 0x010104
	// 	c = 0x010102
	// 	d = 0x010103312031
	// 	e = 0x01020331203103322031
}
