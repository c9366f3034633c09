package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// A window that ends at 100 may be closed once every shard has passed 100. A shard of which nothing was heard has not.
func ExampleFrontier() {
	var here, there crdt.Frontier
	here.Advance("shard-0", 120)
	there.Advance("shard-1", 90)

	passed := crdt.Passed(crdt.NewRegistry("shard-0", "shard-1"), 100)
	fmt.Println(passed)
	fmt.Println(passed.Holds(&here), "shard-1 was not heard of")
	here.Merge(&there)
	fmt.Println(passed.Holds(&here), "shard-1 is at 90")
	here.Advance("shard-1", 105)
	fmt.Println(passed.Holds(&here), crdt.Stable)

	reached := here.ReachedBy(crdt.NewRegistry("shard-0", "shard-1"))
	t, _ := reached.Value()
	fmt.Println("all have reached", t, crdt.LowerBound)
	// Output:
	// shards ["shard-0" "shard-1"] passed 100
	// false shard-1 was not heard of
	// false shard-1 is at 90
	// true stable
	// all have reached 105 lower-bound
}
