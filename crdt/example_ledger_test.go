package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// Payments are delivered again after a crash, and count once.
func ExampleLedger() {
	var here, there crdt.Ledger[string]
	deposit := here.Record("tx-1", 100)
	there.Record("tx-2", -60)
	there.Merge(&deposit)
	there.Merge(&deposit) // redelivered
	here.Merge(&there)

	sum, ok := here.Sum()
	fmt.Println(sum, ok, crdt.Provisional, "before the seal")
	paid := crdt.Recorded("tx-2")
	fmt.Println(paid, paid.Holds(&here), crdt.Stable)

	here.Record("tx-2", -6) // whoever says this is wrong, or the other is
	_, ok = here.Sum()
	fmt.Println(ok, "conflict", here.Conflict())
	// Output:
	// 40 true provisional before the seal
	// recorded "tx-2" true stable
	// false conflict true
}
