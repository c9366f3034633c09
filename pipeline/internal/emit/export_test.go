package emit

import (
	"context"
	"log/slog"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

// Exists is exported to its test.
var Exists = exists

// RecordOf makes the record of a result of shard 1 of stage "in", whose log was made at nanosecond 255.
func RecordOf(r *shard.Result) sinks.Record {
	id := identity{pipeline: "p", epoch: "e1", shard: checkpoint.ShardID{Stage: "in", Shard: 1}, incarnation: 255}
	return id.record(&plan.Plan{}, r)
}

// RegistryOf is exported to its test.
var RegistryOf = registryOf

// PacedQueue is a queue of texts with a least time between two writes.
type PacedQueue struct{ *queue[string] }

// NewPacedQueue is newPacedQueue.
func NewPacedQueue(ctx context.Context, every time.Duration, write func(context.Context, []string) error) PacedQueue {
	return PacedQueue{newPacedQueue(ctx, "test", slog.New(slog.DiscardHandler), every, func(s string) int { return len(s) }, write)}
}

// Mark is mark.
func (q PacedQueue) Mark() uint64 { return q.mark() }

// Stopped is closed once the queue has stopped.
func (q PacedQueue) Stopped() <-chan struct{} { return q.stopped }

// IntervalOf is exported to its test.
var IntervalOf = intervalOf
