// Command illegal breaks one rule of the query model, and must not compile: a function that is only monotone is composed as a morphism, which would run on deltas.
package main

import "github.com/calmstream/calmstream/crdt"

func main() {
	_ = crdt.Compose(crdt.KeySet[string, crdt.GCounter](), crdt.Size[string]())
}
