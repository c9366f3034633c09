package engine

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/nats-io/nats.go/jetstream"
)

// purgeEvery is how often what all receivers have behind them is deleted from the exchange.
const purgeEvery = 2 * time.Second

// floor is the lowest committed position of all receivers of the exchange.
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

func (f *floor) lowest(receivers int) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.at) < receivers {
		return 0
	}
	lowest := ^uint64(0)
	for _, at := range f.at {
		lowest = min(lowest, at)
	}
	return lowest
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

// purge deletes from the exchange what every receiver's checkpoint covers. The whole stream is cut at one sequence, never
// subjects by themselves, so that a reader that was still behind sees it in the stream's first sequence.
func (e *engine) purge(stop <-chan struct{}) {
	receivers := e.receivers()
	if receivers == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	ticker := time.NewTicker(purgeEvery)
	defer ticker.Stop()
	var done uint64
	for {
		select {
		case <-ticker.C:
		case <-stop:
			return
		}
		if at := e.floor.lowest(receivers); at > done {
			if err := e.purgeTo(ctx, at); err != nil {
				e.Logger.Debug("the exchange keeps what it could drop", "error", err)
				continue
			}
			done = at
		}
	}
}

func (e *engine) purgeTo(ctx context.Context, at uint64) error {
	stream, err := e.js.Stream(ctx, exchangeStream(e.Plan.Graph.Name))
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		return err
	}
	own := "calm.x." + e.Plan.Graph.Name + "." + e.Plan.Epoch() + "."
	for subject := range info.State.Subjects {
		if !strings.HasPrefix(subject, own) {
			return nil // another version of the pipeline has records here, and its checkpoints are not known to this one
		}
	}
	return stream.Purge(ctx, jetstream.WithPurgeSequence(at+1))
}

// purgeAll deletes what is left in the exchange when every shard has ended: nobody will read it again. An owner in
// another process that is still on its way finds the fences done.
func (e *engine) purgeAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.Drain)
	defer cancel()
	stream, err := e.js.Stream(ctx, exchangeStream(e.Plan.Graph.Name))
	if err == nil {
		err = stream.Purge(ctx, jetstream.WithPurgeSubject("calm.x."+e.Plan.Graph.Name+"."+e.Plan.Epoch()+".>"))
	}
	if err != nil {
		e.Logger.Debug("the exchange keeps what nobody reads any more", "error", err)
	}
}
