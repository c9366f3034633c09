// Command illegal breaks one rule of package query, and must not compile: keys are those of the state.
package main

import (
	"context"
	"strings"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/query"
)

func main() {
	p := pipeline.New("illegal")
	events := pipeline.Read(p, "events", pipeline.Source[string]{Stream: "EVENTS", Decode: pipeline.Text})
	counts := operators.Count("counts", operators.KeyBy(events, "word", strings.ToLower))
	ctx := context.Background()
	state, _ := query.Open(ctx, p, operators.Share(counts), query.Config{})
	_, _ = state.Threshold(ctx, 7, crdt.AtLeast(3))
}
