package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// A stock goes up and down. How much came in is a safe question early; how much is left is not.
func ExamplePNCounter() {
	var here, there crdt.PNCounter
	here.Add("shard-0", 10)
	sold := there.Subtract("shard-1", 4) // on its way

	busy := crdt.AddedAtLeast(10)
	fmt.Println(busy, busy.Holds(&here), crdt.Stable)
	fmt.Println("left:", here.Value(), crdt.Provisional)

	here.Merge(&sold) // and nothing else will come
	fmt.Println(busy, busy.Holds(&here), crdt.Stable)
	fmt.Println("left:", here.Value(), crdt.Final)
	// Output:
	// added >= 10 true stable
	// left: 10 provisional
	// added >= 10 true stable
	// left: 6 final
}
