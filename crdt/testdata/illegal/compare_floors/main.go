// Command illegal breaks one rule of the query model, and must not compile: two lower bounds are compared with ==.
package main

import "github.com/calmstream/calmstream/crdt"

func main() {
	var c, d crdt.GCounter
	_ = crdt.FloorOf(crdt.CountOf(), &c) == crdt.FloorOf(crdt.CountOf(), &d)
}
