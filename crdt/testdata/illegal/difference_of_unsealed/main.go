// Command illegal breaks one rule of the query model, and must not compile: a difference is asked of a state that still grows: the potato and the Ferrari.
package main

import "github.com/calmstream/calmstream/crdt"

func main() {
	inCart := crdt.AddedElements[string]().Minus(crdt.RemovedElements[string]())
	var cart crdt.TwoPhaseSet[string]
	_ = inCart.Ask(&cart)
}
