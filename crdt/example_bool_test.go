package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// Each shard raises the alarm when it sees a reason. Yes is an answer at once; there is no "no" before all shards are done.
func ExampleBool() {
	var here crdt.Bool
	fmt.Println("alarm:", crdt.Raised().Holds(&here), "settled:", here.Settled())

	there := crdt.BoolOf(true)
	fmt.Println("grew:", here.Merge(&there))
	fmt.Println("alarm:", crdt.Raised().Holds(&here), crdt.Stable, "settled:", here.Settled())
	// Output:
	// alarm: false settled: false
	// grew: true
	// alarm: true stable settled: true
}
