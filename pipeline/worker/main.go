package worker

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/calmstream/calmstream/pipeline"
)

// Main runs the pipelines until their inputs end or a signal comes, as the flags and the environment of the process say. It
// does not return: it ends the process.
func Main(pipelines ...*pipeline.Pipeline) {
	ctx, stop := untilSignal(os.Exit)
	code := Run(ctx, Process{
		Name:   filepath.Base(os.Args[0]),
		Args:   os.Args[1:],
		Getenv: os.Getenv,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
	}, pipelines...)
	stop()
	os.Exit(code)
}

// untilSignal returns a context that the first SIGINT or SIGTERM ends; the second calls exit. The second must not be left
// to the system: a process that is number 1 of a container is not ended by signals that it does not handle.
func untilSignal(exit func(code int)) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	finished, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for count := 0; ; count++ {
			select {
			case got := <-signals:
				number, _ := got.(syscall.Signal) // it is one of the two above
				if count > 0 {
					exit(128 + int(number))
					return
				}
				cancel(signalled(number))
			case <-finished:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(finished)
		<-done
		cancel(nil)
	}
}

// signalled is the cause of a context that a signal has ended.
type signalled syscall.Signal

func (s signalled) Error() string { return fmt.Sprintf("signal %s", syscall.Signal(s)) }
