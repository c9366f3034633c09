package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// stoppedBy is the cause of a context that a signal has ended.
type stoppedBy struct{ signal syscall.Signal }

func (s stoppedBy) Error() string {
	if s.signal == syscall.SIGTERM {
		return "stopped by SIGTERM"
	}
	return "stopped by SIGINT"
}

// onSignal returns a context that the first SIGINT or SIGTERM ends. The second does what it does to any process.
func onSignal(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case got := <-signals:
			number, _ := got.(syscall.Signal) // it is one of the two above
			cancel(stoppedBy{number})
		case <-ctx.Done():
		}
		signal.Stop(signals)
	}()
	return ctx, func() {
		cancel(nil)
		<-done
	}
}

// signalOf returns the signal that has ended ctx, if one has.
func signalOf(ctx context.Context) (by stoppedBy, ok bool) {
	ok = errors.As(context.Cause(ctx), &by)
	return by, ok
}
