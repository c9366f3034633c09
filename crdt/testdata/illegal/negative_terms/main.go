// Command illegal breaks one rule of the query model, and must not compile: a sum with negative terms, which can fall, is used as a threshold.
package main

import "github.com/calmstream/calmstream/crdt"

func main() {
	changes := crdt.GSetOf(3, -2)
	_ = crdt.Elements[int]().SumAtLeast("change", func(x int) int64 { return int64(x) }, 100).Ask(&changes)
}
