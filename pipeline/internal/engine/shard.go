package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/emit"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/pipeline/internal/source"
	"github.com/calmstream/calmstream/sinks"
)

// runShard runs one shard.
func (e *engine) runShard(ctx context.Context, d *duty) error {
	id, stage, number, stats := d.id, d.stage, d.id.Shard, &d.stats
	begin := e.start.Logs[stage.Name]
	var outlet *emit.Outlet
	err := patiently(ctx, e.Logger, fewAttempts, func() (err error) {
		outlet, err = emit.Open(ctx, emit.Config{
			Conn: e.Conn, Pipeline: e.Plan.Graph.Name, Plan: e.Plan, Shard: id,
			Incarnation: begin.Created, Domain: e.domain, Sinks: e.sinksOf(stage), Progress: e.progress(), Logger: e.Logger, Owner: e.writer, Divergences: &stats.Divergences,
			RemakeSeals: func(ctx context.Context) error { return e.makeStream(ctx, e.sealStream()) },
		})
		return err
	})
	if err != nil {
		return unlessStopped(ctx, err)
	}
	asked := e.asked(id)
	defer e.answers.Leave(id, asked)
	opened := false
	env := &shard.Env{
		ID: id, Plan: e.Plan, Stage: stage,
		Start: checkpoint.Position{Incarnation: begin.Created, Seq: begin.After},
		Bound: begin.bound(),
		Cut:   begin.cut(number), Votes: begin.votes(number),
		Store:  e.store,
		Outlet: outlet,
		Outbox: outlet.Outbox(),
		Writer: e.writer,
		Every:  e.Every,
		Owns:   d.owns.Load,
		First:  e.First,
		Drain:  e.Drain,
		Now:    time.Now,
		Logger: e.Logger,
		Stats:  stats,
		GiveUp: e.impatience(stage, number),
		Sent:   e.sentBy(stage, number),
		Asked:  asked,
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
		Sweep: e.sweep(id),
	}
	if stage.Exchanged() {
		env.Committed = e.floor.register(id)
		defer e.floor.forget(id)
	}
	defer stats.Reading.Store(false)
	return errors.Join(shard.Run(ctx, env), outlet.Close())
}

// sweep returns what removes from the store what owners of a shard that died have left.
func (e *engine) sweep(id checkpoint.ShardID) func(context.Context, checkpoint.Loaded) {
	return func(ctx context.Context, loaded checkpoint.Loaded) {
		if _, err := e.store.Sweep(ctx, id, loaded); err != nil {
			e.Logger.Debug("old segments stay", "shard", id.String(), "error", err)
		}
	}
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
