package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// The length of the shortest path found so far can only shrink, which is growing in the order of Min.
func ExampleMin() {
	shortest := crdt.MinOf(12)
	found := crdt.MinOf(9)
	fmt.Println("grew:", shortest.Merge(&found))
	fmt.Println("at most 10:", crdt.MinAtMost(10).Holds(&shortest))
	// Output:
	// grew: true
	// at most 10: true
}
