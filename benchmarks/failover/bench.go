//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/calmstream/calmstream/benchmarks/internal/process"
)

// patience bounds every wait for something that must come.
const patience = time.Minute

// bench is a server, a load and the workers that come and go.
type bench struct {
	options
	dir      string
	server   *process.Process
	load     *load
	standbys int
	started  int // workers, so far
	stopLoad context.CancelFunc
	loaded   chan error
}

// newBench starts a server and the load.
func newBench(ctx context.Context, o options, standbys int) (b *bench, err error) {
	b = &bench{options: o, standbys: standbys, loaded: make(chan error, 1)}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.dir, err = os.MkdirTemp("", "failover-*"); err != nil {
		return b, err
	}
	if b.server, err = start(ctx, serverRole+" "+b.dir); err != nil {
		return b, err
	}
	if b.load, err = newLoad(ctx, b.server.Ready, o.shards, o.rate); err != nil {
		return b, err
	}
	loading, stop := context.WithCancel(ctx)
	b.stopLoad = stop
	go func() { b.loaded <- b.load.run(loading) }()
	return b, nil
}

// close ends what is left.
func (b *bench) close() {
	if b.stopLoad != nil {
		b.stopLoad()
	}
	if b.load != nil {
		b.load.conn.Close()
	}
	if b.server != nil {
		b.server.Kill()
	}
	_ = os.RemoveAll(b.dir) // it is temporary
}

// worker starts a worker under a new name.
func (b *bench) worker(ctx context.Context) (*process.Process, error) {
	b.started++
	return start(ctx, fmt.Sprintf("%s %s w%d %d %d", workerRole, b.server.Ready, b.started, b.shards, b.standbys))
}

// end ends the input, waits until the workers have, and checks what is stored.
func (b *bench) end(ctx context.Context, workers []*process.Process) error {
	b.stopLoad()
	if err := <-b.loaded; err != nil {
		return err
	}
	if err := b.load.end(ctx); err != nil {
		return err
	}
	var errs []error
	for _, w := range workers {
		errs = append(errs, w.Finish(ctx))
	}
	return errors.Join(append(errs, b.load.check(ctx))...)
}

// wait lets some time pass.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// killAll ends workers without a word.
func killAll(workers []*process.Process) {
	for _, w := range workers {
		_ = w.Signal(syscall.SIGCONT)
		w.Kill()
	}
}

// say prints a line for whoever looks on.
func say(out io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(out, format, args...) // nobody to tell
}
