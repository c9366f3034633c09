package market

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"

	"github.com/calmstream/calmstream/benchmarks/nexmark"
	"github.com/calmstream/calmstream/benchmarks/nexmark/queries"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Config says what to run.
type Config struct {
	// Query is the query, and Events are what it is asked about.
	Query  queries.Query
	Events nexmark.Config
	// Run is the name of the run; "" is one too.
	Run string
	// Shards is the number of partitions of the events. A run keeps the number that it was started with.
	Shards int
	// Conn is the connection to the server.
	Conn *nats.Conn
	// Logger takes what happens.
	Logger *slog.Logger
	// Worker is the name of this process among those that work at the run; empty means a new one.
	Worker string
	// Monitor shows the counters of the pipeline meanwhile.
	Monitor *pipeline.Monitor
	// Fed is called with the number of messages that are stored, now and then.
	Fed func(stored uint64)
}

// Run stores the events, runs the query over them to their end, and returns its rows. If ctx ends before, it returns an error that
// wraps its cause, after a last checkpoint.
func Run(ctx context.Context, c Config) (Results, error) {
	js, err := jetstream.New(c.Conn)
	if err != nil {
		return Results{}, fmt.Errorf("market: %w", err)
	}
	n := namesOf(c.Query.Name, c.Run)
	events, err := c.events(n)
	if err == nil {
		err = c.prepare(ctx, js, n)
	}
	if err != nil {
		return Results{}, err
	}
	if err := c.load(ctx, js, n.events, []string{n.subject + ".events.*"}, c.about(), c.Events.Events, events); err != nil {
		return Results{}, err
	}
	if c.Query.Side {
		if err := c.load(ctx, js, n.side, []string{n.subject + ".side"}, sideOf(queries.SideRows), queries.SideRows, sideRows(n)); err != nil {
			return Results{}, err
		}
	}
	err = Pipeline(c.Query, c.Run, c.Shards).Run(ctx, pipeline.Config{Conn: c.Conn, Worker: c.Worker, Logger: c.Logger, Monitor: c.Monitor})
	if err == nil && !c.Monitor.Done() {
		err = fmt.Errorf("market: stopped before the end of the input: %w", context.Cause(ctx))
	}
	if err != nil {
		return Results{}, err
	}
	return c.collect(ctx, js, n)
}

// prepare makes the stream of the rows. A run that has checkpoints and lost it would not fill it again.
func (c Config) prepare(ctx context.Context, js jetstream.JetStream, n names) error {
	begun, err := exists(ctx, js, "KV_calm_"+n.pipeline)
	if err != nil {
		return err
	}
	if there, err := exists(ctx, js, n.results); err != nil || begun && !there {
		return cmp.Or(err, fmt.Errorf("%w: stream %s was deleted; begin anew with another --run", ErrRowsGone, n.results))
	}
	_, err = c.stream(ctx, js, n.results, []string{n.subject + "." + queries.Rows + ".>", n.subject + "." + queries.Markers + ".>"}, nil)
	return err
}

// events are the messages of the events: the shards have them in turn.
func (c Config) events(n names) (iter.Seq[message], error) {
	all, err := c.Events.All()
	if err != nil {
		return nil, err
	}
	return func(yield func(message) bool) {
		shard := 0
		for _, e := range all {
			if !yield(message{n.shard(shard), e.AppendJSON(nil)}) {
				return
			}
			shard = (shard + 1) % c.Shards
		}
	}, nil
}

func sideRows(n names) iter.Seq[message] {
	return func(yield func(message) bool) {
		for row := range queries.SideInput() {
			if !yield(message{n.subject + ".side", row}) {
				return
			}
		}
	}
}
