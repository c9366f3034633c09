// Command illegal breaks one rule of the query model, and must not compile: two upper bounds are compared with ==.
package main

import "github.com/calmstream/calmstream/crdt"

func main() {
	var s crdt.GSet[int]
	_ = crdt.CeilingOf(crdt.Smallest[int](), &s) == crdt.Ceiling[int]{}
}
