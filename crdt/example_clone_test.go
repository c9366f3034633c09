package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

func ExampleClone() {
	seen := crdt.GSetOf(1, 2)
	snapshot := crdt.Clone(&seen)
	seen.Add(3)
	fmt.Println(seen.Len(), snapshot.Len())
	// Output:
	// 3 2
}
