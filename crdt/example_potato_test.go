package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// The potato and the Ferrari: example 1 of "Keep CALM and CRDT On". The cart is a two-phase set. What is in it is the difference of
// two sets, each of which converges. The difference may be read too early.
func ExampleNonMonotone_potatoAndFerrari() {
	added, removed := crdt.AddedElements[string](), crdt.RemovedElements[string]()
	inCart := added.Minus(removed)

	// The shopper adds a potato, adds a Ferrari by mistake, removes it, and checks out: three changes. The checkout comes to a
	// replica that the removal has not reached.
	var shopper, replica crdt.TwoPhaseSet[string]
	for _, item := range []string{"potato", "Ferrari"} {
		change := shopper.Add(item)
		replica.Merge(&change)
	}
	removal := shopper.Remove("Ferrari") // on its way

	// The state is not sealed, so that this does not compile (testdata/illegal/difference_of_unsealed):
	//
	//	inCart.Ask(&replica)
	//
	// Those who insist ship a Ferrari, and are told what the answer is worth.
	fmt.Println("early:", crdt.Stale("the shopper is waiting", inCart, &replica))

	// The checkout says how many changes there were: the evidence that nothing is missing.
	complete := crdt.ChangesAtLeast[string](shopper.Changes())
	_, ok := crdt.SealWhen(&replica, complete)
	fmt.Println("sealed:", ok)

	replica.Merge(&removal)
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
