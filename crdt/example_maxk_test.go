package crdt_test

import (
	"fmt"
	"slices"

	"github.com/calmstream/calmstream/crdt"
)

// The three highest bids. How high the third is can be asked early; which they are, only after the seal.
func ExampleMaxK() {
	here, there := crdt.MaxKOf(3, 50, 80, 20), crdt.MaxKOf(3, 70, 80)
	third := crdt.KthLargestAtLeast(50)
	fmt.Println(third, third.Holds(&here))
	here.Merge(&there)
	fmt.Println(third, third.Holds(&here), crdt.Stable)
	fmt.Println(slices.Collect(here.All()), crdt.Provisional, "before the seal")
	// Output:
	// k-th largest >= 50 false
	// k-th largest >= 50 true stable
	// [80 70 50] provisional before the seal
}

func ExampleMinK() {
	here, there := crdt.MinKOf(2, 50, 80, 20), crdt.MinKOf(2, 70, 30)
	here.Merge(&there)
	fmt.Println(slices.Collect(here.All()), crdt.KthSmallestAtMost(30).Holds(&here))
	// Output:
	// [20 30] true
}
