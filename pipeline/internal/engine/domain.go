package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/nats-io/nats.go/jetstream"
)

// learnDomain finds out in which domain the server keeps the streams of the pipeline, if any result says so.
func (e *engine) learnDomain(ctx context.Context) error {
	if !slices.ContainsFunc(e.Plan.Writes, func(n *plan.Node) bool { return e.Plan.CountedBy(n) != nil }) {
		return nil
	}
	stream := "KV_calm_" + e.Plan.Graph.Name
	reply, err := e.Conn.RequestWithContext(ctx, "$JS.API.STREAM.INFO."+stream, nil)
	if err != nil {
		return fmt.Errorf("stream %q cannot be asked for its domain: %w", stream, err)
	}
	var answer struct {
		Error  *jetstream.APIError `json:"error"`
		Domain string              `json:"domain"`
	}
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return fmt.Errorf("the domain of stream %q is not understood: %w", stream, err)
	}
	if answer.Error != nil {
		return fmt.Errorf("the domain of stream %q cannot be looked up: %w", stream, answer.Error)
	}
	e.domain = answer.Domain
	return nil
}
