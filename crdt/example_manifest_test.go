package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// The shopping cart with a manifest (the cart of Bloom^L, Conway et al., SoCC 2012; the sealed manifest of ApPLIED 2023). Each action of a
// session has a number, and the checkout says how many there were. So each replica knows by itself when nothing is
// missing: the cart is settled, and what is in it is answered at once and for good, without a word to the others.
func ExampleSealSettled() {
	type actions = crdt.SealedSet[string] // such as "10 +4": four of item 10
	summary := crdt.ExactRead("summary", func(s *actions) map[string]int {
		items := map[string]int{}
		content, _ := s.Content()
		for action := range content {
			var item string
			var n int
			_, _ = fmt.Sscan(action, &item, &n)
			items[item] += n
		}
		return items
	})
	complete := crdt.Complete[string]()

	var client, replica actions
	deltas := []actions{
		client.Declare(3), // the checkout overtakes the others
		client.Put(0, "5 +1"),
		client.Put(2, "10 -1"), // one less
		client.Put(1, "10 +4"),
		client.Put(1, "10 +4"), // twice does no harm
	}
	for i := range deltas {
		replica.Merge(&deltas[i])
		cart, ok := crdt.SealSettled(&replica)
		fmt.Println(replica.Len(), complete.Ask(&replica), ok, summary.Ask(cart))
	}

	// A sale after the checkout does not change what was said, and does not go unnoticed.
	cart, _ := crdt.SealSettled(&replica)
	replica.Put(3, "7 +1")
	fmt.Println(summary.Ask(cart))
	fmt.Println(cart.Check(&replica))
	// Output:
	// 0 unknown false unknown
	// 1 unknown false unknown
	// 2 unknown false unknown
	// 3 true (final: settled) true map[10:3 5:1] (final: settled)
	// 3 true (final: settled) true map[10:3 5:1] (final: settled)
	// map[10:3 5:1] (final: settled)
	// crdt: input arrived after the seal (settled)
}
