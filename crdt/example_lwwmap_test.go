package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// A deletion is a write: it has a time, and older writes that come later stay deleted.
func ExampleLWWMap() {
	var here, there crdt.LWWMap[string, int]
	old := there.Put(10, "there", "apples", 3)
	here.Delete(20, "here", "apples")
	here.Put(20, "here", "pears", 5)
	here.Merge(&old) // late

	for fruit, n := range here.All() {
		fmt.Println(fruit, n, crdt.Provisional)
	}
	fmt.Println("tombstones:", here.Tombstones())
	if u := crdt.KeyWrittenAfter[string, int]("apples", 15); u.Holds(&here) {
		fmt.Println(u, crdt.Stable)
	}
	// Output:
	// pears 5 provisional
	// tombstones: 1
	// at "apples" (written after 15) stable
}
