// Command illegal is the wrong formulation of a scenario, and must not compile: how many have voted is exact behind a seal only.
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
	voters := operators.Distinct("voters", byWord, strings.ToUpper)
	operators.Threshold(voters, crdt.Elements[string]().Count())
}
