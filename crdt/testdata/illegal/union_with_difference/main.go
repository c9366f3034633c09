// Command illegal breaks one rule of the query model, and must not compile: a difference is used as a relation, among others.
package main

import "github.com/calmstream/calmstream/crdt"

// cart is what was put in and what was taken out, under two keys.
type cart = crdt.Map[string, crdt.GSet[string], *crdt.GSet[string]]

func main() {
	in := crdt.ComposeRelation(crdt.ValueAt[string, crdt.GSet[string]]("in"), crdt.Elements[string]())
	out := crdt.ComposeRelation(crdt.ValueAt[string, crdt.GSet[string]]("out"), crdt.Elements[string]())
	_ = in.Union(in.Minus(out))
}
