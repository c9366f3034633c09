package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// Cart is a two-phase set: what was put in and what was taken out, under two keys.
type Cart = crdt.Map[string, crdt.GSet[string], *crdt.GSet[string]]

// The potato and the Ferrari: example 1 of "Keep CALM and CRDT On". What is in the cart is a difference of two sets, each of
// which converges. The difference may be read too early.
func ExampleNonMonotone_potatoAndFerrari() {
	added := crdt.RowsOf(crdt.ValueAt[string, crdt.GSet[string]]("added"))
	removed := crdt.RowsOf(crdt.ValueAt[string, crdt.GSet[string]]("removed"))
	inCart := added.Minus(removed)

	// The shopper adds a potato, adds a Ferrari by mistake, removes it, and checks out. At this replica the checkout arrives
	// before the removal.
	var replica Cart
	replica.Update("added", crdt.GSetOf("potato", "Ferrari"))

	// The state is not sealed, so that this does not compile (testdata/illegal/difference_of_unsealed):
	//
	//	inCart.Ask(&replica)
	//
	// Those who insist ship a Ferrari, and are told what the answer is worth.
	fmt.Println("early:", crdt.Stale("the shopper is waiting", inCart, &replica))

	// The checkout says how much there was: two things added, one removed. That is the evidence that nothing is missing.
	complete := crdt.All(added.CountAtLeast(2), removed.CountAtLeast(1))
	_, ok := crdt.SealWhen(&replica, complete)
	fmt.Println("sealed:", ok)

	replica.Update("removed", crdt.GSetOf("Ferrari"))
	cart, ok := crdt.SealWhen(&replica, complete)
	fmt.Println("sealed:", ok)
	items, _ := inCart.Ask(cart).Value()
	fmt.Println("shipped:", items, inCart.Ask(cart).Verdict())
	// Output:
	// early: [Ferrari potato] (provisional: stale: the shopper is waiting)
	// sealed: false
	// sealed: true
	// shipped: [potato] final
}
