package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// Times are what the caller says. A clock that is behind loses its writes.
func ExampleLWWRegister() {
	var address crdt.LWWRegister[string]
	address.Write(1000, "web", "1 Old Street")
	address.Write(2000, "app", "2 New Street")
	slow := address.Write(1999, "shop", "3 Newest Street") // written last, but its clock is slow
	address.Write(2000, "a", "4 Other Street")             // a tie, which the larger name has won

	street, _ := address.Value()
	fmt.Println(street, crdt.Provisional)
	fmt.Println("lost:", slow == crdt.LWWRegister[string]{})
	if u := crdt.WrittenAfter[string](1500); u.Holds(&address) {
		fmt.Println(u, crdt.Stable)
	}
	// Output:
	// 2 New Street provisional
	// lost: true
	// written after 1500 stable
}
