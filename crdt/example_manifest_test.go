package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// The shopping cart with a manifest (Bloom^L; Hellerstein et al., ApPLIED 2023). Each action of a session has a number, and the
// checkout says at which one the session began. So each replica knows by itself when nothing is missing: the cart is settled,
// and the checkout is answered at once, without a word to the others.
func ExampleSealSettled() {
	// basket is a lattice of this package's tests: entries by number, where a number outside the range is a conflict.
	deltas := []basket{
		checkout(103, 99),   // overtakes the others
		action(100, 5, 1),   // one of item 5
		action(101, 10, 4),  // four of item 10
		action(102, 10, -1), // one less
		action(99, 3, -1),   // not in the cart
	}
	var replica basket
	for i := range deltas {
		replica.Merge(&deltas[i])
		cart, ok := crdt.SealSettled(&replica)
		fmt.Println(ok, summary.Ask(cart))
	}
	// Output:
	// false unknown
	// false unknown
	// false unknown
	// false unknown
	// true map[5:1 10:3] (final: settled)
}
