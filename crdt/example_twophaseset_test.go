package crdt_test

import (
	"fmt"
	"slices"

	"github.com/calmstream/calmstream/crdt"
)

// The potato and the Ferrari: example 1 of "Keep CALM and CRDT On". The shopper added a Ferrari by mistake and removed it, and checks out at a
// replica that the removal has not reached.
func ExampleTwoPhaseSet() {
	var cart, replica crdt.TwoPhaseSet[string]
	for _, item := range []string{"potato", "Ferrari"} {
		added := cart.Add(item)
		replica.Merge(&added)
	}
	removed := cart.Remove("Ferrari") // on its way

	fmt.Println("read early:", slices.Collect(replica.All()), crdt.Provisional)
	limit := crdt.ChangesAtLeast[string](2)
	fmt.Println(limit, limit.Holds(&replica), crdt.Stable)

	replica.Merge(&removed) // the last change of this cart
	fmt.Println("shipped after the seal:", slices.Collect(replica.All()), crdt.Final)
	fmt.Println(limit, limit.Holds(&replica), crdt.Stable)

	replica.Add("Ferrari") // what was removed does not return
	fmt.Println("once more:", replica.Contains("Ferrari"))
	// Output:
	// read early: [Ferrari potato] provisional
	// added + removed >= 2 true stable
	// shipped after the seal: [potato] final
	// added + removed >= 2 true stable
	// once more: false
}
