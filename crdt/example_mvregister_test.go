package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// Concurrent writes are kept until someone who has seen them settles the matter. That a write was overwritten is final.
func ExampleMVRegister() {
	var here, there crdt.MVRegister[string]
	here.Write("here", "10:00")
	late := there.Write("there", "10:30") // at the same time
	here.Merge(&late)
	fmt.Println(here.Values(), crdt.Provisional)

	here.Write("here", "10:30")
	fmt.Println(here.Values(), crdt.Provisional)
	if crdt.Superseded[crdt.MVRegister[string]](crdt.DotOf("here", 1)).Holds(&here) {
		fmt.Println("10:00 was overwritten:", crdt.Stable)
	}
	// Output:
	// [10:00 10:30] provisional
	// [10:30] provisional
	// 10:00 was overwritten: stable
}
