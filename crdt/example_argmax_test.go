package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// The highest bid and who made it. Of equal bids the smaller name wins, wherever they arrive first.
func ExampleArgMax() {
	here, there := crdt.ArgMaxOf(80, "cleo"), crdt.ArgMaxOf(80, "ann")
	here.Merge(&there)
	score, key, _ := here.Best()
	fmt.Println(score, key, crdt.Provisional, "before the seal")
	sold := crdt.ScoreAtLeast[int, string](75)
	fmt.Println(sold, sold.Holds(&here), crdt.Stable)
	// Output:
	// 80 ann provisional before the seal
	// best score >= 75 true stable
}

func ExampleArgMin() {
	here, there := crdt.ArgMinOf(12, "via bern"), crdt.ArgMinOf(9, "via basel")
	here.Merge(&there)
	fmt.Println(here.Best())
	// Output:
	// 9 via basel true
}
