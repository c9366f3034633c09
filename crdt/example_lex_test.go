package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// The members of a group start afresh with each epoch.
func ExampleLex() {
	var group crdt.Lex[uint64, crdt.GSet[string], *crdt.GSet[string]]
	group.Update(1, crdt.GSetOf("ann"))
	group.Update(1, crdt.GSetOf("ben"))
	group.Update(2, crdt.GSetOf("cleo")) // a higher key replaces
	group.Update(1, crdt.GSetOf("dan"))  // a lower key is too late

	epoch2 := crdt.KeyAtLeast[uint64, crdt.GSet[string]](2)
	if epoch2.Holds(&group) {
		fmt.Println(epoch2, crdt.Stable)
	}
	members, _ := group.Value() // not monotone: epoch 3 may come
	for name := range members.All() {
		fmt.Println(name, crdt.Provisional)
	}
	// Output:
	// key >= 2 stable
	// cleo provisional
}
