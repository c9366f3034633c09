package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/engine"
	"github.com/nats-io/nats.go"
)

// Config says how to run a pipeline. Only Conn is required.
type Config struct {
	// Conn is the connection to NATS. It should reconnect for ever (nats.MaxReconnects(-1)): a pipeline waits for its server.
	Conn *nats.Conn
	// CheckpointEvery is the time between checkpoints while there is input; 0 means a second. The first one is taken within
	// 100 ms of the first record in any case.
	CheckpointEvery time.Duration
	// DrainTimeout bounds the last checkpoint after the context has ended; 0 means ten seconds.
	DrainTimeout time.Duration
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
	case c.CheckpointEvery < 0 || c.DrainTimeout < 0 || c.Replicas < 0:
		return c, errors.New("pipeline: CheckpointEvery, DrainTimeout and Replicas must not be negative")
	}
	return c, nil
}

// Run runs all shards of the pipeline in this process. It returns nil when every input has ended and all results are
// stored, or, after a last checkpoint, when ctx ends. It returns an error when a shard cannot go on; the other
// shards then take a last checkpoint too. If a stream that the pipeline reads does not exist the error wraps
// jetstream.ErrStreamNotFound.
func (p *Pipeline) Run(ctx context.Context, cfg Config) error {
	cut, err := p.Plan()
	if err != nil {
		return err
	}
	if cfg, err = cfg.withDefaults(); err != nil {
		return err
	}
	shards := 0
	for _, stage := range cut.Stages {
		shards += stage.Shards
	}
	cfg.Monitor.begin(shards)
	err = engine.Run(ctx, engine.Config{
		Conn:     cfg.Conn,
		Plan:     cut,
		Sinks:    p.sinks,
		Every:    cfg.CheckpointEvery,
		First:    min(firstCheckpoint, cfg.CheckpointEvery),
		Drain:    cfg.DrainTimeout,
		Replicas: cfg.Replicas,
		Logger:   cfg.Logger.With("pipeline", p.Name()),
		Watch:    cfg.Monitor.watch,
	})
	if err != nil {
		return fmt.Errorf("pipeline %s stopped: %w", p.Name(), err)
	}
	return nil
}
