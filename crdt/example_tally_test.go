package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// Each shard sums its own amounts and reports the sum under a number. Reports are lost, and delivered late and twice.
func ExampleTally() {
	var shard crdt.Tally
	first := shard.Add("shard-0", 5)
	shard.Add("shard-0", -7) // this report is lost
	third := shard.Add("shard-0", 10)

	var total crdt.Tally
	total.Record("shard-1", 1, 100)
	for _, report := range []crdt.Tally{third, first, third} {
		total.Merge(&report)
		sum, _ := total.Sum()
		fmt.Println(sum, crdt.Provisional, "before the seal")
	}
	all := crdt.Counted("shard-0", 3)
	fmt.Println(all, all.Holds(&total), crdt.Stable)
	// Output:
	// 108 provisional before the seal
	// 108 provisional before the seal
	// 108 provisional before the seal
	// counted "shard-0" to 3 true stable
}
