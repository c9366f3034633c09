// Command illegal breaks one rule of the query model, and must not compile: groups are asked of a state that still grows.
package main

import "github.com/calmstream/calmstream/crdt"

func main() {
	words := crdt.GSetOf("ant", "bee")
	initials := crdt.GroupBy(crdt.Elements[string](), "initial",
		func(w string) byte { return w[0] }, func(rows []string) int { return len(rows) })
	_ = initials.Ask(&words)
}
