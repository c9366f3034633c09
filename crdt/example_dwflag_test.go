package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// Consent that is withdrawn anywhere is withdrawn, even while it is given again elsewhere.
func ExampleDWFlag() {
	var shop, app crdt.DWFlag
	given := shop.Enable("shop")
	app.Merge(&given)

	withdrawn := app.Disable("app")
	again := shop.Enable("shop") // at the same time
	shop.Merge(&withdrawn)
	app.Merge(&again)
	fmt.Println("in the shop:", shop.On(), crdt.Provisional)
	fmt.Println("in the app:", app.On(), crdt.Provisional)
	// Output:
	// in the shop: false provisional
	// in the app: false provisional
}
