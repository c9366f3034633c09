package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// A reset takes away what it knows of, and nothing that was counted meanwhile.
func ExampleORCounter() {
	var here, there crdt.ORCounter
	counted := here.Add("here", 5)
	there.Merge(&counted)

	reset := there.Reset()
	here.Add("here", 2) // at the same time
	here.Merge(&reset)
	fmt.Println(here.Value(), crdt.Provisional)
	// Output:
	// 2 provisional
}
