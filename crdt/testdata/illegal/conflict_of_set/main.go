// Command illegal breaks one rule of the query model, and must not compile: a set has no conflict to ask for.
package main

import "github.com/calmstream/calmstream/crdt"

func main() {
	crdt.InConflict[crdt.GSet[string]]()
}
