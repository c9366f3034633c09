package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/embedded"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// errReported says that the log has told already what is wrong.
var errReported = errors.New("worker: a pipeline has failed")

// streamWait is the time between two looks for a stream that does not exist yet.
const streamWait = 500 * time.Millisecond

// worker is one run.
type worker struct {
	config
	getenv func(string) string
	state  *state
	log    *slog.Logger
}

// run does everything between the flags and the status: HTTP first, so that a worker that waits for its server can be
// asked why; then the connection; then the pipelines.
func (w *worker) run(ctx context.Context) error {
	if w.http != "" {
		l, err := listen(ctx, w.http, handler(w.state, w.pprof), w.log)
		if err != nil {
			return unlessStopped(ctx, err)
		}
		defer l.close()
		w.log.Info("answering HTTP", "address", l.addr.String())
	}
	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	conn, closeAll, err := w.connect(ctx, fail)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer closeAll()
	w.state.begin(conn)
	told := make(chan struct{})
	forget := context.AfterFunc(running, func() {
		defer close(told)
		w.state.enter("the worker is draining")
		w.log.Info("draining: each shard takes a last checkpoint", "reason", context.Cause(running))
	})
	defer func() {
		if !forget() {
			<-told
		}
	}()
	if err := w.runAll(running, fail, conn); err != nil {
		return err
	}
	if ctx.Err() == nil && running.Err() != nil { // the connection is gone
		return context.Cause(running)
	}
	return nil
}

// connect returns a connection, to the server that is named or to an embedded one, and what ends both. It calls lost if the
// connection ends before that.
func (w *worker) connect(ctx context.Context, lost func(error)) (conn *nats.Conn, closeAll func(), err error) {
	if !w.embedded() {
		a, err := w.access(w.getenv)
		if err != nil {
			return nil, nil, err
		}
		if conn, err = dial(ctx, a, w.connectTimeout, w.log, lost); err != nil {
			return nil, nil, err
		}
		return conn, conn.Close, nil
	}
	server, err := embedded.Start(ctx, embedded.Config{Dir: w.store, Listen: w.listen, Logger: w.log})
	if err != nil {
		return nil, nil, fmt.Errorf("worker: no server was named with --nats, and the embedded one cannot run: %w", err)
	}
	if conn, err = server.Conn(events(w.log, lost)...); err != nil {
		server.Close()
		return nil, nil, err
	}
	w.log.Info("an embedded NATS server runs, since no other was named with --nats", "store", w.store, "address", server.URL())
	return conn, func() {
		conn.Close()
		server.Close()
	}, nil
}

// runAll runs the pipelines at once. The first that fails makes the others drain.
func (w *worker) runAll(ctx context.Context, fail context.CancelCauseFunc, conn *nats.Conn) error {
	var all sync.WaitGroup
	failures := make([]error, len(w.state.tasks))
	for i, t := range w.state.tasks {
		all.Go(func() {
			defer t.end()
			if err := w.runOne(ctx, t, conn); err != nil {
				w.log.Error("a pipeline has failed", "pipeline", t.pipeline.Name(), "error", err)
				failures[i] = errReported
				fail(fmt.Errorf("pipeline %s has failed", t.pipeline.Name()))
				return
			}
			if ctx.Err() != nil {
				w.log.Info("the pipeline has drained", "pipeline", t.pipeline.Name())
			} else {
				w.log.Info("the input of the pipeline has ended, and its results are stored", "pipeline", t.pipeline.Name())
			}
		})
	}
	all.Wait()
	return errors.Join(failures...)
}

// runOne runs a pipeline. If a stream that it reads does not exist that is an error, except on the embedded server: that
// ends with this process, so whoever shall make the stream needs the process to wait.
func (w *worker) runOne(ctx context.Context, t *task, conn *nats.Conn) error {
	told := ""
	for {
		err := t.pipeline.Run(ctx, pipeline.Config{
			Conn:            conn,
			CheckpointEvery: w.checkpointEvery,
			DrainTimeout:    w.drainTimeout,
			Worker:          w.workerName(),
			Standbys:        w.standbys,
			Replicas:        w.replicas,
			Anew:            w.anew,
			Logger:          w.log,
			Monitor:         &t.monitor,
		})
		if !w.embedded() || !errors.Is(err, jetstream.ErrStreamNotFound) { // one that is lost later is another error
			return err
		}
		t.wait(err.Error())
		if told != err.Error() {
			told = err.Error()
			w.log.Warn("waiting for a stream", "pipeline", t.pipeline.Name(), "reason", told)
		}
		select {
		case <-time.After(streamWait):
			t.wait("")
		case <-ctx.Done():
			return nil
		}
	}
}

// workerName is the name of this worker. One process alone uses an embedded server, so that whoever comes after it is the same worker.
func (w *worker) workerName() string {
	if w.name == "" && w.embedded() {
		return "embedded"
	}
	return w.name
}

// unlessStopped drops an error that only says that ctx has ended before anything had begun.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}
