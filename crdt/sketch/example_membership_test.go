package sketch_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/sketch"
)

// Blocklist is the size of a set of addresses.
type Blocklist struct{}

func (Blocklist) Filter() sketch.Filter { return sketch.Filter{Elements: 1_000_000, Bits: 10} }

// What is found stays found. What is not may have been added to another copy.
func ExampleMembership() {
	var here, there sketch.Membership[Blocklist]
	delta := there.Add("203.0.113.9")

	blocked := sketch.MayContain[Blocklist]("203.0.113.9")
	fmt.Println("blocked here:", blocked.Holds(&here), "means unknown")
	here.Merge(&delta)
	if blocked.Holds(&here) {
		fmt.Println("blocked:", crdt.Stable)
	}
	// Output:
	// blocked here: false means unknown
	// blocked: stable
}
