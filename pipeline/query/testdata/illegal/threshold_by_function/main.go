// Command illegal breaks one rule of package query, and must not compile: a threshold is no function that could be anything.
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
	_, _ = state.Threshold(ctx, "calm", func(c *crdt.GCounter) bool { return c.Value() < 3 })
	_ = crdt.AtLeast
}
