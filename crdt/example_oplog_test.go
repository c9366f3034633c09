package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// An op-based counter is a query over a log of operations. What all members have heard of is played for good.
func ExampleOpLog() {
	var here, there crdt.OpLog[int]
	here.Append("here", 5)
	there.Append("there", -2)
	here.Merge(&there)
	here.Append("here", 10)
	there.Merge(&here)

	value := crdt.Play("value", func(c *opCount, op int) { *c += opCount(op) })
	fmt.Println(crdt.OpsAtLeast[int](3).Ask(&there))
	at, _ := crdt.SealWhen(&there, crdt.OpsAtLeast[int](3)) // three are all there will be
	played, _ := value.Ask(at).Value()
	fmt.Println("value:", played.Value)

	var reports crdt.Reports
	reports.Update("here", here.Heard())
	reports.Update("there", there.Heard())
	n, err := crdt.CompactLog(&there, []string{"here", "there"}, &reports, func(c *opCount, op int) { *c += opCount(op) })
	fmt.Println("compacted:", n, err, "kept one by one:", there.Len())
	// Output:
	// true (stable)
	// value: 13
	// compacted: 3 <nil> kept one by one: 0
}
