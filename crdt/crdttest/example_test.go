package crdttest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

// printing stands for the *testing.T of a test.
type printing struct{ testing.TB }

func (printing) Helper()           {}
func (printing) Error(args ...any) { fmt.Println(args...) }

// Check is all that the test of a lattice needs to call.
func ExampleCheck() {
	var t printing
	crdttest.Check(t, crdttest.Suite[crdt.GCounter]{
		Samples: []crdt.GCounter{counted("a", 1), counted("a", 2), counted("b", 2), counted("", 300)},
		Random: func(r *rand.Rand) (c crdt.GCounter) {
			for range r.IntN(5) {
				c.Add(string(rune('a'+r.IntN(3))), r.Uint64N(4))
			}
			return c
		},
		Updates: []func(*crdt.GCounter) crdt.GCounter{
			func(c *crdt.GCounter) crdt.GCounter { return c.Add("mine", 1) },
			func(c *crdt.GCounter) crdt.GCounter { return c.Add("yours", 5) },
		},
		UpSets: []crdt.UpSet[crdt.GCounter]{crdt.AtLeast(3)},
	})
	crdttest.Check(t, crdttest.Suite[lastWriter]{Samples: []lastWriter{{cell{1, 5}}, {cell{1, 6}}}})
	// Output:
	// crdttest: broken law "merge is commutative": merging b into a gives c, merging a into b gives d
	// 	a = 0x010105
	// 	b = 0x010106
	// 	c = 0x010106
	// 	d = 0x010105
	// crdttest: broken law "order agrees with merge": a merged with b gives c, which is not above both
	// 	a = 0x010105
	// 	b = 0x010106
	// 	c = 0x010106
}

// Refute returns what Check reports.
func ExampleRefute() {
	err := crdttest.Refute(crdttest.Suite[crdt.Max[int]]{Samples: []crdt.Max[int]{crdt.MaxOf(1), crdt.MaxOf(-1)}})
	fmt.Println(err)
	err = crdttest.Refute(crdttest.Suite[crdt.Max[int]]{Samples: []crdt.Max[int]{{}}})
	fmt.Println(err)
	// Output:
	// <nil>
	// crdttest: the samples check nothing: add one above the bottom
}

// Laws names the law that is broken and shows values that break it.
func ExampleLaws() {
	fmt.Println(crdttest.Laws([]crdt.Max[int]{crdt.MaxOf(1), crdt.MaxOf(2)}))
	fmt.Println(crdttest.Laws([]sum{{cell{1, 0}}}))
	// Output:
	// <nil>
	// crdttest: broken law "order agrees with merge": a merged with b gives c, which is not above both
	// 	a = 0x010000
	// 	b = 0x010100
	// 	c = 0x010100
	// crdttest: broken law "merge is idempotent": merging a copy of a into a gives b
	// 	a = 0x010100
	// 	b = 0x010200
}

// RandomLaws needs no samples, but a way to make them.
func ExampleRandomLaws() {
	err := crdttest.RandomLaws(1, 100, func(r *rand.Rand) lastWriter {
		return lastWriter{cell{byte(r.IntN(3)), byte(r.IntN(3))}}
	})
	fmt.Println(err)
	// Output:
	// seed 1, round 1 of 100:
	// crdttest: broken law "merge is commutative": merging b into a gives c, merging a into b gives d
	// 	a = 0x010200
	// 	b = 0x010201
	// 	c = 0x010201
	// 	d = 0x010200
	// crdttest: broken law "order agrees with merge": a merged with b gives c, which is not above both
	// 	a = 0x010200
	// 	b = 0x010201
	// 	c = 0x010201
}

// Confluence merges the values in many ways. A set that takes three keys at most is a lattice as far as three values can tell.
func ExampleConfluence() {
	fmt.Println(crdttest.Confluence([]crdt.GSet[int]{crdt.GSetOf(1), crdt.GSetOf(2), crdt.GSetOf(3), crdt.GSetOf(4)}))
	fmt.Println(crdttest.Laws(singles("abcd")))
	fmt.Println(crdttest.Confluence(singles("abcd")))
	// Output:
	// <nil>
	// <nil>
	// crdttest: broken law "merging is confluent": deltas (0 is the bottom) were merged into a, in order giving b, in batches [4] [2 2] [2 3 0 1] [1 3 1] giving c
	// 	a = 0x01
	// 	b = 0x01616263
	// 	c = 0x01616264
}

// The zero value is what a struct that holds a lattice begins with. It must do whatever a decoded bottom does.
func ExampleZeroValue() {
	fmt.Println(crdttest.ZeroValue[crdt.GSet[string]]())
	fmt.Println(crdttest.ZeroValue[writing]()) // func (s *writing) Add(k byte) { s.m[k] = true }
	// Output:
	// <nil>
	// crdttest: broken law "zero value is usable": Add of the zero value (or of a decoded one) panicked: assignment to entry in nil map
}

func ExampleUpwardClosed() {
	exactlyOne := crdt.AssertUpSet("exactly one", func(s *crdt.GSet[int]) bool { return s.Len() == 1 })
	fmt.Println(crdttest.UpwardClosed(exactlyOne, []crdt.GSet[int]{crdt.GSetOf(1), crdt.GSetOf(2)}))
	// Output:
	// crdttest: broken law "set is upward closed": asserted "exactly one" holds for a, but not for a merged with b
	// 	a = 0x010102
	// 	b = 0x010104
}

// A single assignment is settled when it is made. Made again, with another value, it must say so.
func ExampleSettled() {
	fmt.Println(crdttest.Settled([]point{{cell{1, 0}}, {cell{2, 0}}}))
	fmt.Println(crdttest.Settled([]secretive{{cell{1, 0}}, {cell{2, 0}}})) // no Conflict method
	// Output:
	// <nil>
	// crdttest: broken law "settled value stays": a is settled, but merged with b it is c, which reports no conflict
	// 	a = 0x010100
	// 	b = 0x010200
	// 	c = 0x010201
}
