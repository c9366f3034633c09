// Command illegal is the wrong formulation of a scenario, and must not compile: that an ad has few clicks is no threshold.
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
	clicks := operators.Count("clicks", byWord)
	operators.Threshold(clicks, crdt.AtMost(100))
}
