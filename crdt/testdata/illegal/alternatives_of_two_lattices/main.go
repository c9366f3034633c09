// Command illegal breaks one rule of the query model, and must not compile: the alternatives of a choice are thresholds of different lattices.
package main

import "github.com/calmstream/calmstream/crdt"

func main() {
	_, _ = crdt.NewChoice(crdt.When("a", crdt.MaxOf(1)), crdt.When("b", crdt.MinOf(1)))
}
