package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

func ExampleGSet() {
	here, there := crdt.GSetOf("pear", "apple"), crdt.GSetOf("apple", "fig")
	here.Merge(&there)
	for fruit := range here.All() {
		fmt.Println(fruit)
	}
	// Output:
	// apple
	// fig
	// pear
}
