package crdttest_test

import (
	"errors"
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

func ExampleDeltas() {
	fmt.Println(crdttest.Deltas([]crdt.GSet[int]{crdt.GSetOf(1), crdt.GSetOf(2), crdt.GSetOf(1, 2)}))
	// Output: <nil>
}

// The values of whole have themselves as their only part, and send all of it if anything is missing.
func ExampleIrreducible() {
	fmt.Println(crdttest.Irreducible([]crdt.GSet[int]{crdt.GSetOf(1), crdt.GSetOf(2), crdt.GSetOf(1, 2)}))
	fmt.Println(crdttest.Irreducible([]whole{{letters("a")}, {letters("b")}, {letters("ab")}}))
	// Output:
	// <nil>
	// crdttest: broken law "parts are irreducible and irredundant": b is a part of a, and the merge of samples that are smaller than b
	// 	a = 0x016162
	// 	b = 0x016162
}

// An update changes the state by merging its delta into it. What takes something out again is none.
func ExampleMutator() {
	sets := []crdt.GSet[int]{crdt.GSetOf(1), crdt.GSetOf(2, 3)}
	fmt.Println(crdttest.Mutator(sets, func(s *crdt.GSet[int]) crdt.GSet[int] { return s.Add(4) }))
	fmt.Println(crdttest.Mutator(sets, func(s *crdt.GSet[int]) crdt.GSet[int] {
		*s = crdt.GSetOf(4)
		return crdt.GSetOf(4)
	}))
	// Output:
	// <nil>
	// crdttest: broken law "update is inflationary": the update made b of a, which is not above a
	// 	a = 0x010102
	// 	b = 0x010108
	// crdttest: broken law "update is the merge of its delta": the update made b of a, but a merged with its delta c is d
	// 	a = 0x010102
	// 	b = 0x010108
	// 	c = 0x010108
	// 	d = 0x01020208
}

// A decoder that makes room for what is announced can be made to take all memory with a few bytes.
func ExampleHostile() {
	fmt.Println(crdttest.Hostile(1, 1000, []crdt.GSet[string]{crdt.GSetOf("a"), crdt.GSetOf("b", "c")}))
	err := crdttest.Hostile(1, 1000, []list[trusting]{{[]byte{1}}})
	if broken := (*crdttest.Violation)(nil); errors.As(err, &broken) {
		fmt.Println(broken.Law)
	}
	// Output:
	// <nil>
	// decoding takes memory in proportion to its input
}

// In a fuzz test, call Fuzz; it calls HostileBytes with what the fuzzer makes.
func ExampleHostileBytes() {
	onto := crdt.GSetOf(7)
	fmt.Println(crdttest.HostileBytes([]byte("\x01\xff\xff\xff\xff\x0f"), &onto))
	trailing := trailing{cell{1, 2}}
	fmt.Println(crdttest.HostileBytes([]byte("\x01\x05\x06 and more"), &trailing))
	// Output:
	// <nil>
	// crdttest: broken law "one encoding a value": UnmarshalBinary accepted the bytes a, but the value is encoded as b
	// 	a = 0x01050620616e64206d6f7265
	// 	b = 0x010506
}
