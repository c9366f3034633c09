package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// Which page did a session begin with? Of two views at one time the smaller id is the first.
func ExampleFirstByTime() {
	var entry crdt.FirstByTime[string]
	entry.Add(20, "v3", "/cart")
	entry.Add(10, "v2", "/shoes")
	entry.Add(10, "v1", "/home")

	page, _ := entry.Value()
	fmt.Println(page, crdt.Provisional) // an earlier view may still come
	if u := crdt.SeenBefore[string](15); u.Holds(&entry) {
		fmt.Println(u, crdt.Stable)
	}
	// Output:
	// /home provisional
	// seen before 15 stable
}
