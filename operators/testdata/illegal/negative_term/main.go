// Command illegal breaks one rule of the DSL, and must not compile: the terms of a sum cannot be negative: the sum would shrink.
package main

import (
	"strings"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
)

func main() {
	p := pipeline.New("illegal")
	events := pipeline.Read(p, "events", pipeline.Source[string]{Stream: "EVENTS", Decode: pipeline.Text})
	counts := operators.Count("counts", operators.KeyBy(events, "word", strings.ToLower))
	operators.Sum("sum", operators.KeyBy(events, "word", strings.ToLower), func(s string) int { return -len(s) })
	_ = counts
}
