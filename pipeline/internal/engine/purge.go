package engine

import (
	"context"
	"sync"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/nats-io/nats.go/jetstream"
)

// purgeEvery is how often what all receivers have behind them is deleted from the exchange.
const purgeEvery = 2 * time.Second

// floor has the committed positions of the receivers that this worker runs.
type floor struct {
	mu sync.Mutex
	at map[checkpoint.ShardID]uint64
}

// register adds a receiver and returns what it tells its commits to.
func (f *floor) register(id checkpoint.ShardID) func(uint64) {
	set := func(position uint64) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.at == nil {
			f.at = make(map[checkpoint.ShardID]uint64)
		}
		f.at[id] = max(f.at[id], position)
	}
	set(0)
	return set
}

// forget drops a receiver that this worker does not run any more.
func (f *floor) forget(id checkpoint.ShardID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.at, id)
}

// of returns the committed position of a receiver that this worker runs.
func (f *floor) of(id checkpoint.ShardID) (at uint64, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, known = f.at[id]
	return at, known
}

// lowest returns the lowest committed position of all receivers, whoever runs them.
func (e *engine) lowest(ctx context.Context) (uint64, error) {
	lowest := ^uint64(0)
	for _, stage := range e.Plan.Stages {
		for number := range stage.Shards {
			if !stage.Exchanged() {
				break
			}
			id := checkpoint.ShardID{Stage: stage.Name, Shard: number}
			at, known := e.floor.of(id)
			if !known {
				stored, err := e.store.Load(ctx, id)
				if err != nil {
					return 0, err
				}
				at = stored.Fence.Position.Seq
			}
			lowest = min(lowest, at)
		}
	}
	return lowest, nil
}

// receivers counts the shards behind exchanges.
func (e *engine) receivers() (n int) {
	for _, stage := range e.Plan.Stages {
		if stage.Exchanged() {
			n += stage.Shards
		}
	}
	return n
}

// purge deletes from the exchange what every receiver's checkpoint covers, in all versions that have run. The whole stream is cut at one sequence, never
// subjects by themselves, so that a reader that was still behind sees it in the stream's first sequence. One worker of all is
// enough; turn says whether it is this one.
func (e *engine) purge(stop <-chan struct{}, turn func() bool) {
	if e.receivers() == 0 {
		return
	}
	var done uint64
	every(purgeEvery, stop, func(ctx context.Context) {
		if !turn() {
			return
		}
		at, err := e.lowest(ctx)
		if err == nil && at > done {
			at, err = e.purgeTo(ctx, at)
		}
		if err != nil {
			e.Logger.Debug("the exchange keeps what it could drop", "error", err)
			return
		}
		done = max(done, at)
	})
}

func (e *engine) purgeTo(ctx context.Context, at uint64) (purged uint64, err error) {
	stream, err := e.js.Stream(ctx, ExchangeStream(e.Plan.Graph.Name))
	if err != nil {
		return 0, err
	}
	if at, err = e.besides(ctx, stream, at); err != nil || at == 0 {
		return 0, err
	}
	return at, stream.Purge(ctx, jetstream.WithPurgeSequence(at+1))
}

// purgeAll deletes what is left in the exchange when every shard has ended: nobody will read it again, but for what other versions have not behind them, for
// whom the stream must not begin later. They delete it when they have. An owner in another process that is still on its way finds the fences done.
func (e *engine) purgeAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.Drain)
	defer cancel()
	stream, err := e.js.Stream(ctx, ExchangeStream(e.Plan.Graph.Name))
	if err == nil {
		_, err = e.purgeTo(ctx, stream.CachedInfo().State.LastSeq)
	}
	if err != nil {
		e.Logger.Debug("the exchange keeps what nobody reads any more", "error", err)
	}
}
