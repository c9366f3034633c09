package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// sentEvery is how often the shards behind an exchange are told what their producers' checkpoints say that they were sent.
const sentEvery = 5 * time.Second

// statements has, for each partition of a stage, the newest statement.
type statements = atomic.Pointer[[]*shard.Sent]

// watchSent makes statements until stop is closed.
func (e *engine) watchSent(stop <-chan struct{}) {
	if e.receivers() == 0 {
		return
	}
	every(sentEvery, stop, func(ctx context.Context) {
		for _, stage := range e.Plan.Stages {
			if !stage.Exchanged() {
				continue
			}
			all, err := e.sentTo(ctx, stage)
			if err != nil {
				e.Logger.Debug("what was sent through the exchange cannot be looked up", "stage", stage.Name, "error", err)
				continue
			}
			e.sent[stage.Name].Store(&all)
		}
	})
}

// sentTo reads the checkpoints of the producers of a stage, and then where the exchange ends: all that they speak of stands before it.
func (e *engine) sentTo(ctx context.Context, stage *plan.Stage) ([]*shard.Sent, error) {
	all := make([]*shard.Sent, stage.Shards)
	for i := range all {
		all[i] = &shard.Sent{Next: make([]uint64, stage.Producers()), Ended: make([]bool, stage.Producers())}
	}
	for p := range stage.Producers() {
		from, number := stage.ProducerAt(p)
		stored, err := e.store.Load(ctx, checkpoint.ShardID{Stage: from.Name, Shard: number})
		if errors.Is(err, checkpoint.ErrNone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		next, err := shard.SentTo(stored.Fence, from, stage)
		if err != nil {
			return nil, err
		}
		for i, sent := range all {
			sent.Next[p], sent.Ended[p] = next[i], stored.Fence.Done
		}
	}
	stream, err := e.js.Stream(ctx, ExchangeStream(e.Plan.Graph.Name))
	if err != nil {
		return nil, err
	}
	info := stream.CachedInfo()
	if then := e.start.Logs[stage.Name].Created; info.Created.UnixNano() != then { // the readers will say so
		return nil, fmt.Errorf("the exchange was made again at %s", info.Created)
	}
	for _, sent := range all {
		sent.At = info.State.LastSeq
	}
	return all, nil
}

// sentBy returns what tells a shard behind an exchange the newest statement, nil for others.
func (e *engine) sentBy(stage *plan.Stage, number int) func() *shard.Sent {
	if !stage.Exchanged() {
		return nil
	}
	newest := e.sent[stage.Name]
	return func() *shard.Sent {
		if all := newest.Load(); all != nil {
			return (*all)[number]
		}
		return nil
	}
}
