package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/plain"
)

// Exit codes.
const (
	exitOK       = 0
	exitFailed   = 1 // it did not work, or the results are wrong
	exitUsage    = 2
	exitStopped  = 130 // by a second Ctrl-C
	commandTitle = "calmstream demo: "
)

// errStopped is the cause of everything that ends because of a second Ctrl-C.
var errStopped = errors.New("stopped at once; the results were not checked")

// Command runs the demo and returns the exit code of the process: 0 if all results agree with an independent count, 1 if they do
// not or something failed, 2 for wrong flags, and 130 after a second Ctrl-C. The end of ctx, the first Ctrl-C, ends
// the demo in an orderly way; what follows takes a second or two. Errors are one sentence on stderr.
func Command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	hard, release := secondInterrupt(ctx)
	defer release()
	return command(ctx, hard, args, stdout, stderr)
}

// command is Command where the end of hard is the second Ctrl-C.
func command(ctx, hard context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		_, _ = fmt.Fprintln(stderr, commandTitle+sentence(err)+"; see calmstream demo --help")
		return exitUsage
	}
	err = run(ctx, hard, o, stdout)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errStopped):
		_, _ = fmt.Fprintln(stderr, commandTitle+sentence(err))
		return exitStopped
	default:
		_, _ = fmt.Fprintln(stderr, commandTitle+sentence(err))
		return exitFailed
	}
}

// sentence says what went wrong in one line. Every demo begins anew.
func sentence(err error) string { return plain.Sentence(err, "start the demo again") }

// secondInterrupt returns a context that an interrupt ends once ctx has ended. release frees what it needs.
func secondInterrupt(ctx context.Context) (hard context.Context, release func()) {
	hard, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	released, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-ctx.Done():
		case <-released:
			return
		}
		again := make(chan os.Signal, 1)
		signal.Notify(again, os.Interrupt, syscall.SIGTERM)
		defer signal.Stop(again)
		select {
		case <-again:
			cancel(errStopped)
		case <-released:
		}
	}()
	return hard, func() {
		close(released)
		<-stopped
		cancel(nil)
	}
}
