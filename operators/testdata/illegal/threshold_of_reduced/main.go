// Command illegal breaks one rule of the DSL, and must not compile: what a reduction has made says nothing about what it will have made.
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
	sum := operators.AssertReduction("sum", func(a, b uint64) uint64 { return a + b })
	sums := operators.Reduce("sums", words, func(s string) uint64 { return uint64(len(s)) }, sum)
	operators.Threshold(sums, crdt.AtLeast(3))
}
