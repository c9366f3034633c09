package crdt_test

import (
	"fmt"
	"slices"

	"github.com/calmstream/calmstream/crdt"
)

// An add wins over a removal that did not know of it. Reading the set is not monotone, so what is read early is provisional; that an
// update was overtaken is final.
func ExampleAWSet() {
	var here, there crdt.AWSet[string]
	added := here.Add("here", "fig")
	there.Merge(&added)

	removed := here.Remove("fig")
	again := there.Add("there", "fig") // at the same time
	fmt.Println("here:", slices.Collect(here.All()), crdt.Provisional)

	here.Merge(&again)
	there.Merge(&removed)
	fmt.Println("both:", slices.Collect(here.All()), slices.Collect(there.All()))

	first := crdt.DotOf("here", 1)
	if crdt.Superseded[crdt.AWSet[string]](first).Holds(&here) {
		fmt.Println("the first add was overtaken:", crdt.Stable)
	}
	// Output:
	// here: [] provisional
	// both: [fig] [fig]
	// the first add was overtaken: stable
}
