// Command illegal breaks one rule of the DSL, and must not compile: a signed sum can leave again what it has reached.
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
	words := operators.KeyBy(events, "word", strings.ToLower)
	balance := operators.SumSigned("balance", words, func(s string) int64 { return -int64(len(s)) })
	operators.Threshold(balance, crdt.AtLeast(3))
}
