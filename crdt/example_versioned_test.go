package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// Two owners of one shard run the same fold and save what they reach, in any order. One of them is not deterministic.
func ExampleVersioned() {
	var saved crdt.Versioned[string]
	saved.Advance(100, "median 7")
	saved.Advance(200, "median 5") // may go down: it is ordered by version
	saved.Advance(100, "median 7") // a slow owner

	n, _ := saved.Version()
	state, _ := saved.Value()
	fmt.Println("version", n, crdt.LowerBound)
	fmt.Println(state, crdt.Provisional)
	if u := crdt.VersionAtLeast[string](150); u.Holds(&saved) {
		fmt.Println(u, crdt.Stable)
	}

	saved.Advance(200, "median 6")
	fmt.Println("diverged:", saved.Diverged())
	// Output:
	// version 200 lower-bound
	// median 5 provisional
	// version >= 150 stable
	// diverged: true
}
