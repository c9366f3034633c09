package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// A context knows exactly what it has heard of, also when it came out of order.
func ExampleDotContext() {
	var c crdt.DotContext
	c.Add(crdt.DotOf("shard-0", 1))
	c.Add(crdt.DotOf("shard-0", 3))
	fmt.Println(c.Contains(crdt.DotOf("shard-0", 2)))

	shown, _ := c.MarshalJSON()
	fmt.Println(string(shown), "then", c.Next("shard-0"))

	c.Add(crdt.DotOf("shard-0", 2))
	shown, _ = c.MarshalJSON()
	fmt.Println(string(shown))
	// Output:
	// false
	// {"shard-0":"1,3"} then shard-0:4
	// {"shard-0":"1-3"}
}

// To read one's own writes, ask for the context of their deltas.
func ExampleSaw() {
	var here, there crdt.AWSet[string]
	delta := here.Add("here", "fig")
	mine := crdt.Saw[crdt.AWSet[string]](delta.Context())

	fmt.Println(mine.Holds(&there)) // false: not yet known
	there.Merge(&delta)
	if mine.Holds(&there) {
		fmt.Println("arrived:", crdt.Stable)
	}
	// Output:
	// false
	// arrived: stable
}
