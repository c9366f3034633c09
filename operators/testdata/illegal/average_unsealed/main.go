// Command illegal breaks one rule of the DSL, and must not compile: an average can move either way, and is read behind a seal.
package main

import (
	"strings"

	"github.com/calmstream/calmstream/crdt/exact"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
)

func main() {
	p := pipeline.New("illegal")
	events := pipeline.Read(p, "events", pipeline.Source[string]{Stream: "EVENTS", Decode: pipeline.Text})
	words := operators.KeyBy(events, "word", strings.ToLower)
	average := operators.Average("average", words, func(s string) int64 { return int64(len(s)) })
	operators.Finals[string, exact.Sum](average)
}
