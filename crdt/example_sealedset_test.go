package crdt_test

import (
	"fmt"
	"slices"

	"github.com/calmstream/calmstream/crdt"
)

// A cart whose checkout says how many actions it had. The checkout overtakes an action, and nobody ships a cart that is not whole.
func ExampleSealedSet() {
	var client crdt.SealedSet[string]
	first := client.Put(0, "+potato")
	second := client.Put(1, "+ferrari")
	third := client.Put(2, "-ferrari")
	checkout := client.Declare(3)

	var store crdt.SealedSet[string]
	for _, delta := range []crdt.SealedSet[string]{checkout, second, first, first, third} {
		store.Merge(&delta)
		if content, ok := store.Content(); ok {
			fmt.Println(slices.Collect(content), crdt.Final)
		} else {
			fmt.Println(store.Len(), "of the actions are here, more may come")
		}
	}

	store.Put(3, "+yacht")
	_, ok := store.Content()
	fmt.Println("after an action beyond the length: content", ok, "conflict", store.Conflict())
	// Output:
	// 0 of the actions are here, more may come
	// 1 of the actions are here, more may come
	// 2 of the actions are here, more may come
	// 2 of the actions are here, more may come
	// [+potato +ferrari -ferrari] final
	// after an action beyond the length: content false conflict true
}
