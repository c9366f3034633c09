package crdt_test

import (
	"fmt"
	"slices"

	"github.com/calmstream/calmstream/crdt"
)

// Access that is revoked is revoked, even while it is granted again elsewhere. Compare with an AWSet.
func ExampleRWSet() {
	var here, there crdt.RWSet[string]
	granted := here.Add("here", "ada")
	there.Merge(&granted)

	revoked := there.Remove("there", "ada")
	again := here.Add("here", "ada") // at the same time
	here.Add("here", "bob")
	here.Merge(&revoked)
	there.Merge(&again)
	fmt.Println("here:", slices.Collect(here.All()), crdt.Provisional)
	fmt.Println("there:", slices.Collect(there.All()), crdt.Provisional)
	// Output:
	// here: [bob] provisional
	// there: [] provisional
}
