// Command illegal breaks one rule of the DSL, and must not compile: what is sealed cannot be sealed again.
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
	sealed := operators.Seal(counts, operators.EndOfInput())
	operators.Seal(sealed, operators.EndOfInput())
}
