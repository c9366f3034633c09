// Command illegal is the wrong formulation of a scenario, and must not compile: the counts of a batch are committed behind its seal.
package main

import (
	"strings"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

func main() {
	p := pipeline.New("illegal")
	events := pipeline.Read(p, "events", pipeline.Source[string]{Stream: "EVENTS", Decode: pipeline.Text})
	byWord := operators.KeyBy(events, "word", strings.ToLower)
	counts := operators.Count("counts", byWord)
	pipeline.Write(p, "commit", counts, sinks.Func{Name: "commit"}, pipeline.EncodeJSON)
}
