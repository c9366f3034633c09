package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// How many parts an upload has is decided once. Two answers are not one of them, but an error.
func ExamplePoint() {
	var here crdt.Point[int]
	five := crdt.Is(5)
	fmt.Println(five, five.Holds(&here)) // false: not yet known

	delta := here.Assign(5)
	here.Merge(&delta) // twice does no harm
	if five.Holds(&here) {
		fmt.Println(five, crdt.Stable)
	}
	fmt.Println("settled:", here.Settled()) // no merge changes it any more, unless somebody breaks the rule

	there := crdt.PointOf(6)
	here.Merge(&there)
	_, ok := here.Value()
	fmt.Println("a value:", ok, "a conflict:", here.Conflict())
	// Output:
	// is 5 false
	// is 5 stable
	// settled: true
	// a value: false a conflict: true
}
