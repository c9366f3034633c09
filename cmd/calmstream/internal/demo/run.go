package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/store"
	"github.com/calmstream/calmstream/cmd/internal/adclicks"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// endWait is how long the pipeline may take from the end of its input to its own.
	endWait = time.Minute
	// drainWait bounds the last checkpoint of a pipeline that is stopped at once.
	drainWait = time.Second
)

// demo is one run.
type demo struct {
	options
	config  adclicks.Config
	store   *store.Store
	js      jetstream.JetStream
	feeder  *feeder
	board   *board
	view    view
	monitor pipeline.Monitor
}

// run runs the demo until ctx ends or its time is over, and then to its orderly end; the end of hard is that of everything.
func run(ctx, hard context.Context, o options, stdout io.Writer) (err error) {
	hard, cancel := context.WithCancelCause(hard)
	defer cancel(nil)
	out := &output{to: stdout, failed: cancel} // nobody looks any more
	opened, err := store.Open(hard, o.place)
	if err != nil {
		return stopped(hard, err)
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	d := &demo{options: o, config: o.pipeline(nameOn(opened)), store: opened}
	if d.js, err = jetstream.New(opened.Conn()); err != nil {
		return err
	}
	program := adclicks.Pipeline(d.config)
	if err := d.introduce(out, program); err != nil {
		return err
	}
	if err := adclicks.CreateStreams(hard, d.js, d.config, keepEvents); err != nil {
		return stopped(hard, err)
	}
	began := time.Now()
	d.feeder = newFeeder(opened.Conn(), d.config, d.load(began), d.length)
	d.view = newView(stdout, out, d.length)
	d.board = newBoard(d.view)
	if err := d.live(ctx, hard, program); err != nil {
		return stopped(hard, err)
	}
	return stopped(hard, d.summarize(out))
}

// nameOn names the pipeline: simply where it is alone, and like no other run where earlier ones have left their streams.
func nameOn(s *store.Store) string {
	if s.Temporary() {
		return "demo"
	}
	mark := make([]byte, 2)
	_, _ = rand.Read(mark) // never fails
	return "demo-" + time.Now().Format("20060102-150405") + "-" + hex.EncodeToString(mark)
}

// stopped returns the cause for which hard has ended, if it has, and err otherwise.
func stopped(hard context.Context, err error) error {
	if hard.Err() != nil {
		return context.Cause(hard)
	}
	return err
}

// live runs feeder, pipeline, watchers and view, and returns when all of them have ended.
func (d *demo) live(ctx, hard context.Context, program *pipeline.Pipeline) error {
	work, cancel := context.WithCancelCause(hard)
	defer cancel(nil)
	watching, stopWatching := context.WithCancel(work)
	defer stopWatching()
	watchers, err := d.watchers(work)
	if err != nil {
		return err
	}
	stopView := d.view.start(d)
	defer stopView()

	var watched sync.WaitGroup
	for _, w := range watchers {
		watched.Go(func() {
			if err := w.follow(watching); err != nil {
				cancel(err)
			}
		})
	}
	counting := make(chan struct{})
	go func() {
		defer close(counting)
		cfg := pipeline.Config{Conn: d.store.Conn(), Worker: d.store.Worker(), Monitor: &d.monitor, DrainTimeout: drainWait, Logger: slog.New(slog.DiscardHandler)}
		if err := program.Run(work, cfg); err != nil {
			cancel(err)
		}
	}()
	if err := d.feeder.run(ctx, work); err != nil {
		cancel(err)
	}
	d.awaitEnd(work, cancel, counting)
	stopWatching()
	watched.Wait()
	for _, w := range watchers {
		if err := w.finish(work); err != nil {
			cancel(err)
		}
	}
	return context.Cause(work)
}

// awaitEnd waits for the pipeline, which seals everything that is open and ends.
func (d *demo) awaitEnd(work context.Context, cancel context.CancelCauseFunc, counting <-chan struct{}) {
	patience := time.NewTimer(endWait)
	defer patience.Stop()
	select {
	case <-counting:
	case <-work.Done():
	case <-patience.C:
		cancel(fmt.Errorf("the pipeline has not ended within %s of the end of its input: %+v", endWait, d.monitor.Shards()))
	}
	<-counting // Run returns soon after the end of its context
}

// watchers returns a watcher for each stream of results.
func (d *demo) watchers(ctx context.Context) ([]*watcher, error) {
	alerts, err := newWatcher(ctx, d.js, d.config.AlertStream(), d.board.takeAlert)
	if err != nil {
		return nil, err
	}
	rankings, err := newWatcher(ctx, d.js, d.config.TopStream(), d.board.takeRanking)
	if err != nil {
		return nil, err
	}
	return []*watcher{alerts, rankings}, nil
}
