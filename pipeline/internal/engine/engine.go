package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/answer"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Config says how to run a plan.
type Config struct {
	Conn  *nats.Conn
	Plan  *plan.Plan
	Sinks map[*plan.Node]sinks.Sink
	// Every is the time between checkpoints, First that to the first one, Drain bounds the last one.
	Every, First, Drain time.Duration
	// Replicas is for the streams that the engine makes.
	Replicas int
	Logger   *slog.Logger
	// Worker is the name of this worker among those of the pipeline; it is made up if it is empty.
	Worker string
	// Standbys is how many more workers run each shard at the same time.
	Standbys int
	// Watch is told what this worker does.
	Watch Watch
	// Queries says that this worker answers questions about the states that are shared.
	Queries bool
	// TakeOver is called, if it is not nil, before an epoch begins with the given record. It may begin it with another one.
	TakeOver func(ctx context.Context, store *jetstore.Store, mine StartRecord) error
}

// Watch is told what a worker does. One goroutine calls it.
type Watch interface {
	// Begin comes before a shard starts, and End after it was handed over to another worker.
	Begin(id checkpoint.ShardID, stats *shard.Stats)
	End(id checkpoint.ShardID, stats *shard.Stats)
	// Assign tells who is there, and how many shards are this worker's.
	Assign(workers []string, shards int)
	// Finish tells that all shards, of all workers, have ended.
	Finish()
}

// engine is one run of a plan in this process.
type engine struct {
	Config
	js     jetstream.JetStream
	store  *jetstore.Store
	writer string // the mark of this run in checkpoints
	start  StartRecord
	floor  floor
	domain string // of the server
	// outboxes are those among the sinks, by their tokens.
	outboxes map[string]*outbox
	sent     map[string]*statements // of each stage behind an exchange
	answers  *answer.Server         // nil if no questions are answered
}

// Run runs the shards of the plan that this worker owns until all inputs have ended (nil), ctx ends (nil, after the shards were handed
// over, or have taken a last checkpoint) or one cannot go on.
func Run(ctx context.Context, cfg Config) error {
	e := &engine{Config: cfg}
	if err := e.prepare(ctx); err != nil {
		return unlessStopped(ctx, err)
	}
	e.serve()
	defer e.answers.Stop()
	c := newCrew(e)
	stop := make(chan struct{})
	var caring sync.WaitGroup // for the exchange, and the outboxes
	caring.Go(func() { e.purge(stop, c.purges) })
	caring.Go(func() { e.watchSent(stop) })
	caring.Go(func() { e.deliver(stop, c.purges) })
	err := c.run(ctx)
	close(stop)
	caring.Wait()
	if c.ended() {
		e.deliverAll(ctx)
	}
	if c.ended() && e.receivers() > 0 {
		e.purgeAll(ctx)
	}
	return err
}

// distinct joins errors and says each only once: shards that read one stream lose it together, and in the same words.
func distinct(errs []error) error {
	said := make(map[string]bool)
	return errors.Join(slices.DeleteFunc(errs, func(err error) bool {
		known := said[err.Error()]
		said[err.Error()] = true
		return known
	})...)
}

// prepare makes, or checks, what the plan needs on the server.
func (e *engine) prepare(ctx context.Context) error {
	mark := make([]byte, 8)
	_, _ = rand.Read(mark) // never fails
	e.writer = hex.EncodeToString(mark)
	e.Worker = cmp.Or(e.Worker, e.writer)
	if err := e.collectOutboxes(); err != nil {
		return err
	}
	e.sent = make(map[string]*statements)
	for _, stage := range e.Plan.Stages {
		e.sent[stage.Name] = new(statements)
	}
	var err error
	if e.js, err = jetstream.New(e.Conn); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	for _, step := range []func(context.Context) error{e.openStore, e.makeStreams, e.recordStart, e.learnDomain} {
		if err := patiently(ctx, e.Logger, fewAttempts, func() error { return step(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

// serve begins to answer questions. A worker that cannot does its work all the same: what it knows can be read in its checkpoints.
func (e *engine) serve() {
	if !e.Queries {
		return
	}
	var err error
	if e.answers, err = answer.Start(answer.Config{Conn: e.Conn, Plan: e.Plan, Worker: e.Worker, Logger: e.Logger}); err != nil {
		e.Logger.Warn("this worker answers no questions", "error", err)
	}
}

// asked returns where questions to a shard come, nil if none do.
func (e *engine) asked(id checkpoint.ShardID) *shard.Asked {
	a, err := e.answers.Enter(id)
	if err != nil {
		e.Logger.Warn("this worker answers no questions about a shard", "stage", id.Stage, "shard", id.Shard, "error", err)
	}
	return a
}

func (e *engine) openStore(ctx context.Context) (err error) {
	e.store, err = jetstore.Open(ctx, jetstore.Config{Conn: e.Conn, Pipeline: e.Plan.Graph.Name, Epoch: e.Plan.Epoch(), Replicas: e.Replicas, Logger: e.Logger})
	return err
}
