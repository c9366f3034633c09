package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// Two copies count different shards, exchange deltas, and a lost or doubled delta does no harm.
func ExampleGCounter() {
	var here, there crdt.GCounter
	here.Add("shard-0", 1) // this delta is lost
	delta := here.Add("shard-0", 2)
	there.Add("shard-1", 10)

	fmt.Println("grew:", there.Merge(&delta))
	fmt.Println("grew:", there.Merge(&delta))
	fmt.Println("value:", there.Value())
	// Output:
	// grew: true
	// grew: false
	// value: 13
}
