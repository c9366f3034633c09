package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// Someone is online if a session of theirs is: to leave takes away the sessions that are known, and one that begins at the
// same time keeps them online.
func ExampleEWFlag() {
	var phone, laptop crdt.EWFlag
	on := phone.Enable("phone")
	laptop.Merge(&on)

	off := phone.Disable()
	renewed := laptop.Enable("laptop") // at the same time
	phone.Merge(&renewed)
	laptop.Merge(&off)
	fmt.Println("on the phone:", phone.On(), crdt.Provisional)
	fmt.Println("on the laptop:", laptop.On(), crdt.Provisional)
	// Output:
	// on the phone: true provisional
	// on the laptop: true provisional
}
