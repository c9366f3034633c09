package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/engine"
	"github.com/calmstream/calmstream/pipeline/internal/fork"
	"github.com/nats-io/nats.go"
)

// Config says how to run a pipeline. Only Conn is required.
type Config struct {
	// Conn is the connection to NATS. It should reconnect for ever (nats.MaxReconnects(-1)): a pipeline waits for its server.
	Conn *nats.Conn
	// CheckpointEvery is the time between checkpoints while there is input; 0 means a second. The first one is taken within
	// 100 ms of the first record in any case.
	CheckpointEvery time.Duration
	// DrainTimeout bounds the last checkpoint after the context has ended, and before that the time, of three seconds at most, for which
	// the shards go on until other workers have taken them over; 0 means ten seconds.
	DrainTimeout time.Duration
	// Worker is the name of this worker among those that run the pipeline, 1 to 64 letters, digits, '-' or '_'; empty means a new one
	// for each run. A worker that comes back under its name gets the shards that it had.
	Worker string
	// Standbys is how many workers run each shard beside its owner, so that results go on at once if that one dies. Each costs what the
	// owner costs. All workers of a pipeline should say the same.
	Standbys int
	// Anew makes a version that has not run yet begin with no state, at the beginning of its inputs. Without it, it goes on from the states that it
	// has in common with the active version, if it declares the same Version; Run fails with ErrVersionRefused where it cannot. For a version that has run it means nothing.
	Anew bool
	// Queries makes the worker answer questions about the states that are shared (operators.Share), for package query and the nats command: see
	// docs/queries.md. Its user of NATS then needs the permissions that package worker names.
	Queries bool
	// Replicas is how many servers keep the streams and the bucket that the pipeline makes; 0 means 1.
	Replicas int
	// Logger is told what happens; nil means slog.Default().
	Logger *slog.Logger
	// Monitor, if not nil, shows the counters of the run while it lasts.
	Monitor *Monitor
}

// firstCheckpoint bounds the time from the first record to the first checkpoint, before which a crash would begin anew.
const firstCheckpoint = 100 * time.Millisecond

func (c Config) withDefaults() (Config, error) {
	c.CheckpointEvery = cmp.Or(c.CheckpointEvery, time.Second)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, 10*time.Second)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	c.Monitor = cmp.Or(c.Monitor, new(Monitor))
	switch {
	case c.Conn == nil:
		return c, errors.New("pipeline: Config.Conn is nil; connect with nats.Connect first")
	case c.Worker != "" && !plan.ValidName(c.Worker):
		return c, fmt.Errorf("pipeline: Config.Worker is %q; it must be 1 to 64 letters, digits, '-' or '_'", c.Worker)
	case c.Standbys < 0:
		return c, errors.New("pipeline: Config.Standbys must not be negative")
	case c.CheckpointEvery < 0 || c.DrainTimeout < 0 || c.Replicas < 0:
		return c, errors.New("pipeline: CheckpointEvery, DrainTimeout and Replicas must not be negative")
	}
	return c, nil
}

// Run runs the pipeline, as one worker of as many as there are: each runs a part of the shards, and when one comes or goes only the
// shards that must move do, while the others go on. Nothing has to be set up for that but the same program and the same
// server.
//
// It returns nil when every input has ended and all results are stored, or when ctx ends: then the shards are handed over to the other
// workers, if there are any, and take a last checkpoint. It returns an error when a shard cannot go on; the other shards
// then take a last checkpoint too. If a stream that the pipeline reads does not exist the error wraps
// jetstream.ErrStreamNotFound.
func (p *Pipeline) Run(ctx context.Context, cfg Config) error {
	cut, err := p.Plan()
	if err != nil {
		return err
	}
	if cfg, err = cfg.withDefaults(); err != nil {
		return err
	}
	cfg.Monitor.begin()
	logger := cfg.Logger.With("pipeline", p.Name())
	var takeOver func(context.Context, *jetstore.Store, engine.StartRecord) error
	if !cfg.Anew {
		takeOver = func(ctx context.Context, store *jetstore.Store, mine engine.StartRecord) error {
			return fork.Take(ctx, fork.Config{Conn: cfg.Conn, Plan: cut, Logger: logger}, store, mine)
		}
	}
	err = engine.Run(ctx, engine.Config{
		TakeOver: takeOver,
		Conn:     cfg.Conn,
		Plan:     cut,
		Sinks:    p.sinks,
		Every:    cfg.CheckpointEvery,
		First:    min(firstCheckpoint, cfg.CheckpointEvery),
		Drain:    cfg.DrainTimeout,
		Replicas: cfg.Replicas,
		Logger:   logger,
		Worker:   cfg.Worker,
		Standbys: cfg.Standbys,
		Queries:  cfg.Queries,
		Watch:    watch{cfg.Monitor},
	})
	if err != nil {
		return fmt.Errorf("pipeline %s stopped: %w", p.Name(), err)
	}
	return nil
}
