package sketch_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/sketch"
)

// Two copies count visitors. That one was seen by both does no harm, nor that a delta arrives twice.
func ExampleDistinct() {
	var here, there sketch.Distinct
	there.Add("ada")
	for _, visitor := range []string{"ada", "grace", "edsger"} {
		delta := here.Add(visitor)
		there.Merge(&delta)
		there.Merge(&delta)
	}
	if sketch.DistinctAtLeast(3).Holds(&there) {
		fmt.Println("3 visitors or more:", crdt.Stable)
	}
	fmt.Println(there.Estimate(), "visitors:", crdt.Final, "after a seal, else", crdt.Provisional)
	// Output:
	// 3 visitors or more: stable
	// 3 visitors: final after a seal, else provisional
}
