package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/version"
	"github.com/nats-io/nats.go/jetstream"
)

// HoldAge is how long nothing is deleted from the exchange after an empty message on a subject of HoldSubject, unless one that is not empty follows.
const HoldAge = time.Minute

// HoldSubject is the subject of messages that keep the exchange as it is while a version which has no checkpoints yet, epoch, takes over what is in it. Mark
// tells apart those who do so at the same time. Nobody deletes them singly: the stream would begin later, and a reader whose position is before that take it for a
// loss.
func HoldSubject(pipeline, epoch, mark string) string {
	return holdPrefix(pipeline) + epoch + "." + mark
}

func holdPrefix(pipeline string) string { return "calm.x." + pipeline + ".hold." }

// besides lowers a sequence to what all versions of the pipeline have behind them: 0 if that is not known.
//
// It comes after the checkpoints of this version were read. Whoever takes over from them places a hold, reads them, and ends the hold when it has
// checkpoints of its own. So either the hold is seen here, or those checkpoints are, or those of this version that were read are not newer than what
// is taken over.
func (e *engine) besides(ctx context.Context, stream jetstream.Stream, at uint64) (uint64, error) {
	name := e.Plan.Graph.Name
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter("calm.x."+name+".>"))
	if err != nil {
		return 0, err
	}
	found := make(map[string]bool)
	for subject := range info.State.Subjects {
		if strings.HasPrefix(subject, holdPrefix(name)) {
			msg, err := stream.GetLastMsgForSubject(ctx, subject)
			if err != nil || len(msg.Data) == 0 && info.TimeStamp.Sub(msg.Time) < HoldAge {
				return 0, err
			}
			continue
		}
		epoch, _, _ := strings.Cut(strings.TrimPrefix(subject, "calm.x."+name+"."), ".")
		found[epoch] = true
	}
	epochs, err := jetstore.Epochs(ctx, e.Conn, name)
	if err != nil {
		return 0, err
	}
	for _, epoch := range epochs {
		delete(found, epoch)
		if epoch == e.Plan.Epoch() {
			continue
		}
		its, err := e.lowestOf(ctx, epoch)
		if err != nil {
			return 0, fmt.Errorf("version %s: %w", epoch, err)
		}
		at = min(at, its)
	}
	if delete(found, "filler"); len(found) > 0 { // records of a version that has begun and not said so yet
		return 0, nil
	}
	return at, nil
}

// lowestOf returns what another version has behind it.
func (e *engine) lowestOf(ctx context.Context, epoch string) (uint64, error) {
	store, err := jetstore.Open(ctx, jetstore.Config{Conn: e.Conn, Pipeline: e.Plan.Graph.Name, Epoch: epoch, Logger: e.Logger})
	if err != nil {
		return 0, err
	}
	document, err := version.Plan(ctx, store)
	if err != nil {
		return 0, err
	}
	if document == nil {
		return 0, nil
	}
	lowest := ^uint64(0)
	for _, stage := range document.Stages {
		for number := range stage.Shards {
			if len(stage.From) == 0 {
				break
			}
			stored, err := store.Load(ctx, checkpoint.ShardID{Stage: stage.Name, Shard: number})
			if errors.Is(err, checkpoint.ErrNone) {
				return 0, nil
			}
			if err != nil {
				return 0, err
			}
			if !stored.Fence.Done {
				lowest = min(lowest, stored.Fence.Position.Seq)
			}
		}
	}
	return lowest, nil
}
