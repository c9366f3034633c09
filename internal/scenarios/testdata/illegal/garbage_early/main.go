// Command illegal is the wrong formulation of a scenario, and must not compile: what no set holds is known when the set is sealed.
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
	references := operators.Distinct("references", byWord, strings.ToUpper)
	operators.Threshold(references, crdt.Not(crdt.Contains("object")))
}
