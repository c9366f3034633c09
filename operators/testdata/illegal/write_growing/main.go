// Command illegal breaks one rule of the DSL, and must not compile: a growing state is no result.
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
	counts := operators.Count("counts", operators.KeyBy(events, "word", strings.ToLower))
	pipeline.Write(p, "out", counts, nil, pipeline.EncodeJSON[crdt.GCounter])
}
