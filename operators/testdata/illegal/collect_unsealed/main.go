// Command illegal breaks one rule of the DSL, and must not compile: records are listed behind a seal.
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
	all := operators.Collect("all", words, 10)
	all.Records()
}
