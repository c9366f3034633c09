// Command illegal is the wrong formulation of a scenario, and must not compile: a distance that can still fall is no result.
package main

import (
	"strings"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
)

func main() {
	p := pipeline.New("illegal")
	events := pipeline.Read(p, "events", pipeline.Source[string]{Stream: "EVENTS", Decode: pipeline.Text})
	byWord := operators.KeyBy(events, "word", strings.ToLower)
	distance := operators.Min("distance", byWord, func(s string) int { return len(s) })
	operators.Finals(distance)
}
