// Command illegal is the wrong formulation of a scenario, and must not compile: what is in a cart, A−R, is no threshold.
package main

import (
	"strings"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
)

func main() {
	p := pipeline.New("illegal")
	events := pipeline.Read(p, "events", pipeline.Source[string]{Stream: "EVENTS", Decode: pipeline.Text})
	byWord := operators.KeyBy(events, "word", strings.ToLower)
	cart := operators.Aggregate("cart", byWord, func(s string) (c crdt.TwoPhaseSet[string]) { return c.Add(s) })
	operators.Threshold(cart, crdt.AddedElements[string]().Minus(crdt.RemovedElements[string]()))
}
