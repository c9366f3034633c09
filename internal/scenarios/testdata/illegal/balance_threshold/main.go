// Command illegal is the wrong formulation of a scenario, and must not compile: a balance can fall again.
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
	balance := operators.SumSigned("balance", byWord, func(s string) int64 { return int64(len(s)) })
	operators.Threshold(balance, crdt.AtLeast(100))
}
