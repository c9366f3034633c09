// Command illegal breaks one rule of the query model, and must not compile: a threshold is negated.
package main

import "github.com/calmstream/calmstream/crdt"

func main() {
	_ = crdt.Not(crdt.AtLeast(3))
}
