// Command illegal breaks one rule of the query model, and must not compile: a class of queries is converted into a stronger one.
package main

import "github.com/calmstream/calmstream/crdt"

func main() {
	_ = crdt.Morphism[crdt.GSet[string], crdt.Max[uint64]](crdt.Size[string]())
}
