// Command illegal breaks one rule of the DSL, and must not compile: a reduction is claimed to be commutative and associative.
package main

import (
	"strings"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
)

func main() {
	p := pipeline.New("illegal")
	events := pipeline.Read(p, "events", pipeline.Source[string]{Stream: "EVENTS", Decode: pipeline.Text})
	words := operators.KeyBy(events, "word", strings.ToLower)
	operators.Reduce("sum", words, func(s string) int { return len(s) }, func(a, b int) int { return a + b })
}
