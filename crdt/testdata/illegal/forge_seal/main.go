// Command illegal breaks one rule of the query model, and must not compile: a seal is made without evidence.
package main

import "github.com/calmstream/calmstream/crdt"

func main() {
	state := crdt.GSetOf("ann")
	_ = crdt.Sealed[crdt.GSet[string]]{state: &state}
	_ = crdt.Sealed[crdt.GSet[string]](state)
}
