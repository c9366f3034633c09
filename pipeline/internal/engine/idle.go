package engine

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// giveUpTimeout bounds the publishing of a decision, which the shard waits for: it has nothing else to do.
const giveUpTimeout = 5 * time.Second

// impatience returns what gives up on a shard, nil if its input has no such policy.
func (e *engine) impatience(stage *plan.Stage, number int) func(ctx context.Context, at uint64) error {
	if stage.Exchanged() || stage.Root.Source.Idle == 0 {
		return nil
	}
	return func(ctx context.Context, at uint64) error { return e.giveUp(ctx, stage, number, at) }
}

// giveUp publishes, to the log of a shard that is idle, that it is given up on. Owners that decide the same behind the same
// message publish one. An owner that has heard nothing because it could not, as in an outage, has nothing to say: so the
// server is asked first.
func (e *engine) giveUp(ctx context.Context, stage *plan.Stage, number int, at uint64) error {
	ctx, cancel := context.WithTimeout(ctx, giveUpTimeout)
	defer cancel()
	source := stage.Root.Source
	filter := source.Filters[number]
	if last, err := e.last(ctx, source.Stream, cmp.Or(filter, ">")); err != nil || last > at {
		return err // not silent: what has come is to be read first
	}
	if filter == "" {
		stream, err := e.js.Stream(ctx, source.Stream)
		if err != nil {
			return fmt.Errorf("the subjects of stream %q cannot be looked up: %w", source.Stream, err)
		}
		filter = append(stream.CachedInfo().Config.Subjects, source.Stream)[0]
	}
	msg := &nats.Msg{Subject: plan.Concrete(filter), Header: seal.IdleHeaders(e.Plan.Graph.Name, source.Idle)}
	id := fmt.Sprintf("calm-idle %s %s %d %d", e.Plan.Epoch(), stage.Name, number, at)
	if _, err := e.js.PublishMsg(ctx, msg, jetstream.WithMsgID(id), jetstream.WithExpectStream(source.Stream)); err != nil {
		return fmt.Errorf("%s: %w", msg.Subject, err)
	}
	return nil
}

// last asks the leader of a stream for the sequence of its last message on a subject pattern, 0 if there is none.
func (e *engine) last(ctx context.Context, stream, pattern string) (uint64, error) {
	msg, err := e.message(ctx, stream, map[string]string{"last_by_subj": pattern})
	return msg.Seq, err
}
