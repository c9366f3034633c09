// Command illegal breaks one rule of the query model, and must not compile: the number behind a lower bound is read.
package main

import "github.com/calmstream/calmstream/crdt"

func main() {
	var c crdt.GCounter
	floor := crdt.FloorOf(crdt.CountOf(), &c)
	_ = floor.Value()
	_ = floor.atLeast
}
