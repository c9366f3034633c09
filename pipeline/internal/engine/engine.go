package engine

import (
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
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/emit"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/pipeline/internal/source"
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
	// Watch is told of each shard's counters before the shard starts.
	Watch func(id checkpoint.ShardID, stats *shard.Stats)
}

// engine is one run of a plan in this process.
type engine struct {
	Config
	js     jetstream.JetStream
	store  *jetstore.Store
	writer string
	start  startRecord
	floor  floor

	mu    sync.Mutex
	stats []*shard.Stats // of all shards
}

// ended reports whether every shard has come to the end of its input.
func (e *engine) ended() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.stats {
		if !s.Done.Load() {
			return false
		}
	}
	return true
}

// Run runs every shard of the plan until all inputs have ended (nil), ctx ends (nil, after a last checkpoint) or one cannot go on.
func Run(ctx context.Context, cfg Config) error {
	e := &engine{Config: cfg}
	if err := e.prepare(ctx); err != nil {
		return unlessStopped(ctx, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		errs    []error
	)
	for _, stage := range cfg.Plan.Stages {
		for i := range stage.Shards {
			running.Go(func() {
				if err := e.runShard(ctx, stage, i); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
					cancel() // the others take a last checkpoint and end
				}
			})
		}
	}
	purging := make(chan struct{})
	stopPurging := make(chan struct{})
	go func() {
		defer close(purging)
		e.purge(stopPurging)
	}()
	running.Wait()
	close(stopPurging)
	<-purging
	if e.ended() && e.receivers() > 0 {
		e.purgeAll(ctx)
	}
	return distinct(errs)
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
	var err error
	if e.js, err = jetstream.New(e.Conn); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	for _, step := range []func(context.Context) error{e.openStore, e.makeStreams, e.recordStart} {
		if err := patiently(ctx, e.Logger, fewAttempts, func() error { return step(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

func (e *engine) openStore(ctx context.Context) (err error) {
	e.store, err = jetstore.Open(ctx, jetstore.Config{Conn: e.Conn, Pipeline: e.Plan.Graph.Name, Epoch: e.Plan.Epoch(), Replicas: e.Replicas, Logger: e.Logger})
	return err
}

// runShard runs one shard.
func (e *engine) runShard(ctx context.Context, stage *plan.Stage, number int) error {
	id := checkpoint.ShardID{Stage: stage.Name, Shard: number}
	begin := e.start.Logs[stage.Name]
	stats := new(shard.Stats)
	e.mu.Lock()
	e.stats = append(e.stats, stats)
	e.mu.Unlock()
	if e.Watch != nil {
		e.Watch(id, stats)
	}
	var outlet *emit.Outlet
	err := patiently(ctx, e.Logger, fewAttempts, func() (err error) {
		outlet, err = emit.Open(ctx, emit.Config{
			Conn: e.Conn, Pipeline: e.Plan.Graph.Name, Plan: e.Plan, Shard: id,
			Incarnation: begin.Created, Sinks: e.sinksOf(stage), Logger: e.Logger, Owner: e.writer, Divergences: &stats.Divergences,
		})
		return err
	})
	if err != nil {
		return unlessStopped(ctx, err)
	}
	opened := false
	env := &shard.Env{
		ID: id, Plan: e.Plan, Stage: stage,
		Start:  checkpoint.Position{Incarnation: begin.Created, Seq: begin.After},
		Store:  e.store,
		Outlet: outlet,
		Writer: e.writer,
		Every:  e.Every,
		First:  e.First,
		Drain:  e.Drain,
		Now:    time.Now,
		Logger: e.Logger,
		Stats:  stats,
		GiveUp: e.impatience(stage, number),
		OpenLog: func(ctx context.Context, at checkpoint.Position) (log shard.Log, err error) {
			attempts := fewAttempts
			if opened {
				attempts = forEver
			}
			err = patiently(ctx, e.Logger, attempts, func() (err error) {
				log, err = e.openLog(ctx, stage, number, at)
				return err
			})
			opened = opened || err == nil
			stats.Reading.Store(err == nil)
			return log, err
		},
		Sweep: func(ctx context.Context, loaded checkpoint.Loaded) {
			if _, err := e.store.Sweep(ctx, id, loaded); err != nil {
				e.Logger.Debug("old segments stay", "shard", id.String(), "error", err)
			}
		},
	}
	if stage.Exchanged() {
		env.Committed = e.floor.register(id)
	}
	defer stats.Reading.Store(false)
	return errors.Join(shard.Run(ctx, env), outlet.Close())
}

// unlessStopped drops an error that only says that ctx ended before anything had begun.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

func (e *engine) sinksOf(stage *plan.Stage) map[*plan.Node]sinks.Sink {
	out := make(map[*plan.Node]sinks.Sink)
	for write, sink := range e.Sinks {
		if slices.Contains(e.Plan.StagesOf(write), stage) {
			out[write] = sink
		}
	}
	return out
}

// openLog opens the log of a shard behind a position.
func (e *engine) openLog(ctx context.Context, stage *plan.Stage, number int, at checkpoint.Position) (shard.Log, error) {
	name := e.Plan.Graph.Name
	cfg := source.Config{
		Conn:         e.Conn,
		Stream:       e.start.Logs[stage.Name].Stream,
		Incarnation:  at.Incarnation,
		After:        at.Seq,
		LastSeq:      at.LastSeq,
		LastTime:     at.LastTime,
		ConsumerName: fmt.Sprintf("calm-%s-%s-%d", name, stage.Name, number),
		Metadata:     map[string]string{"pipeline": name, "stage": stage.Name, "shard": fmt.Sprint(number), "epoch": e.Plan.Epoch()},
		Logger:       e.Logger,
	}
	if !stage.Exchanged() {
		cfg.Filter = stage.Root.Source.Filters[number]
	} else {
		cfg.Filter = emit.ExchangeSubject(name, e.Plan.Epoch(), stage.Name, number)
	}
	r, err := source.Open(ctx, cfg)
	if err != nil {
		return nil, truncation(err)
	}
	return log{r, e.Logger}, nil
}

// log is a source.Reader whose errors speak the shard's language, and which waits for its server in all that it does.
type log struct {
	*source.Reader
	logger *slog.Logger
}

func (l log) Next(ctx context.Context, wake <-chan struct{}, buf []plan.Message) ([]plan.Message, error) {
	out, err := l.Reader.Next(ctx, wake, buf)
	return out, truncation(err)
}

func (l log) Verify(ctx context.Context, from uint64) error {
	return truncation(patiently(ctx, l.logger, forEver, func() error { return l.Reader.Verify(ctx, from) }))
}

func truncation(err error) error {
	if errors.Is(err, source.ErrGap) {
		return fmt.Errorf("%w: %w", shard.ErrTruncated, err)
	}
	return err
}
