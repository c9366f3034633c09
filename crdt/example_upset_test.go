package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// The answer turns from "not yet known" to yes once, and stays.
func ExampleUpSet() {
	var voters crdt.GSet[string]
	quorum := crdt.All(crdt.SizeAtLeast[string](3), crdt.Contains("chair"))
	fmt.Println(quorum)
	for _, voter := range []string{"ann", "ben", "ben", "cleo", "chair", "dan"} {
		voters.Add(voter)
		fmt.Println(voter, quorum.Holds(&voters))
	}
	// Output:
	// (size >= 3) and (contains "chair")
	// ann false
	// ben false
	// ben false
	// cleo false
	// chair true
	// dan true
}

// A question that the constructors cannot ask is asserted, and the assertion is held to crdttest.CheckUpSet in a test.
func ExampleAssertUpSet() {
	evens := crdt.AssertUpSet("two even numbers", func(s *crdt.GSet[int]) bool {
		n := 0
		for x := range s.All() {
			if x%2 == 0 {
				n++
			}
		}
		return n >= 2
	})
	seen := crdt.GSetOf(1, 2, 4)
	fmt.Println(evens, evens.Holds(&seen))
	// Output:
	// asserted "two even numbers" true
}
