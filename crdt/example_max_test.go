package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

func ExampleMax() {
	var highest crdt.Max[int]
	_, ok := highest.Value()
	fmt.Println("seen any:", ok)

	highest.Add(-3)
	highest.Add(-7)
	v, _ := highest.Value()
	fmt.Println("highest:", v)
	// Output:
	// seen any: false
	// highest: -3
}
