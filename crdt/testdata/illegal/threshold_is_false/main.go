// Command illegal breaks one rule of the query model, and must not compile: the answer of a threshold is compared with false.
package main

import "github.com/calmstream/calmstream/crdt"

func main() {
	var c crdt.GCounter
	if v, _ := crdt.AtLeast(3).Ask(&c).Value(); v == false {
		c.Add("shard", 1)
	}
}
