package wordcount

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/feed"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go"
)

// Config says what to count.
type Config struct {
	// Names are those of the run.
	Names Names
	// Shards is the number of partitions of the input. A run keeps the number that it was started with.
	Shards int
	// Inputs are read in this order.
	Inputs []feed.Input
	// Conn is the connection to the server.
	Conn *nats.Conn
	// Logger takes what happens.
	Logger *slog.Logger
	// Worker is the name of this process among those that work at the run; empty means a new one.
	Worker string
	// Monitor shows the counters of the pipeline meanwhile.
	Monitor *pipeline.Monitor
	// Fed is called with the progress of the feeding, by another goroutine.
	Fed func(feed.Progress)
}

// Run feeds the input into the stream of the run and runs the pipeline over it, at the same time. It returns nil when the
// stream holds the whole input and all results are stored; Collect then reads them. If ctx ends before, it returns
// an error that wraps its cause, after a last checkpoint.
func Run(ctx context.Context, c Config) error {
	if err := patiently(ctx, c.Logger, func() error { return c.prepare(ctx) }); err != nil {
		return err
	}
	both, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ready, feeding := make(chan struct{}), make(chan error, 1)
	go func() {
		err := c.feed(both, ready)
		if err != nil {
			cancel(err)
		}
		feeding <- err
	}()
	if err := awaitStream(ready, feeding); err != nil {
		return err
	}
	err := c.count(both)
	if err != nil {
		cancel(err) // no use for more input
	}
	if err = c.outcome(both, err, <-feeding); err != nil && ctx.Err() == nil {
		err = c.reason(ctx, err)
	}
	return err
}

// awaitStream waits until there is a stream to read, or returns why there will be none. A small input is fed whole by then: that is no
// reason not to count it, and the end of the feeding is still to be heard.
func awaitStream(ready <-chan struct{}, feeding chan error) error {
	select {
	case <-ready:
		return nil
	case err := <-feeding:
		feeding <- err // it has room for one
		return err
	}
}

// outcome says what became of the two halves. The cause of both is what failed first; what follows from it is no news.
// From an input that is not whole there follows that the pipeline fails, too, and that no checkpoint helps.
func (c Config) outcome(both context.Context, counting, feeding error) error {
	cause := context.Cause(both)
	switch {
	case counting == nil:
		return feeding
	case cause == nil || errors.Is(cause, counting):
		return counting
	case !errors.Is(counting, cause) && !errors.Is(cause, feed.ErrNotWhole):
		c.Logger.Error("the last checkpoint was not taken; the next start goes on from an earlier one", "error", counting)
	}
	return cause
}

// feed stores the input, and closes ready as soon as there is a stream to read.
func (c Config) feed(ctx context.Context, ready chan<- struct{}) error {
	var once sync.Once
	_, err := feed.Feed(ctx, c.Conn, feed.Config{
		Stream:  c.Names.Source,
		Subject: c.Names.SourceSubject,
		Shards:  c.Shards,
		Inputs:  c.Inputs,
		Logger:  c.Logger,
		Progress: func(p feed.Progress) { // for the first time when the stream has been found or made
			once.Do(func() { close(ready) })
			if c.Fed != nil {
				c.Fed(p)
			}
		},
	})
	return err
}

// count runs the pipeline to the end of its input.
func (c Config) count(ctx context.Context) error {
	err := Pipeline(c.Names, c.Shards).Run(ctx, pipeline.Config{Conn: c.Conn, Worker: c.Worker, Logger: c.Logger, Monitor: c.Monitor})
	if err == nil && !c.Monitor.Done() {
		err = fmt.Errorf("wordcount: stopped before the end of the input: %w", context.Cause(ctx))
	}
	return err
}
