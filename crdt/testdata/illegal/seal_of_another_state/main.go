// Command illegal breaks one rule of the query model, and must not compile: the seal of one state is used for a query over another.
package main

import "github.com/calmstream/calmstream/crdt"

func main() {
	voters := crdt.GSetOf("ann")
	sealed, _ := crdt.SealWhen(&voters, crdt.SizeAtLeast[string](1))
	_ = crdt.Elements[int]().Count().Ask(sealed)
}
