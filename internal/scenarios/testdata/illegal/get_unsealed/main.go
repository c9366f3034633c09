// Command illegal is the wrong formulation of a scenario, and must not compile: a get is exact behind a seal only.
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
	store := operators.Last("store", byWord, strings.ToUpper)
	operators.Map(store, func(l crdt.LastByTime[string]) string { v, _ := l.Value(); return v })
}
