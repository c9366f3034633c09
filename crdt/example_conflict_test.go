package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// Two producers that number their elements alike have broken the rule of a SealedSet. That is known for good, whatever else comes.
func ExampleInConflict() {
	broken := crdt.InConflict[crdt.SealedSet[string]]()
	var north, south crdt.SealedSet[string]
	north.Put(0, "rose")
	south.Put(0, "lily")
	fmt.Println(broken.Holds(&north), broken.Holds(&south))
	north.Merge(&south)
	fmt.Println(broken.Holds(&north))
	// Output:
	// false false
	// true
}
