// Command illegal breaks one rule of the query model, and must not compile: an exact count is asked of a state that still grows.
package main

import "github.com/calmstream/calmstream/crdt"

func main() {
	voters := crdt.GSetOf("ann", "ben")
	_ = crdt.Elements[string]().Count().Ask(&voters)
}
