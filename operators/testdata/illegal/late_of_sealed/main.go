// Command illegal breaks one rule of the DSL, and must not compile: what is sealed has no late records. They are those of the state
// that was sealed, or of a join.
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
	sealed := operators.Seal(operators.Count("counts", byWord), operators.EndOfInput())
	operators.Late(byWord, sealed)
}
