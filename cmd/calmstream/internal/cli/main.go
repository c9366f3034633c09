package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/demo"
	"github.com/calmstream/calmstream/cmd/calmstream/internal/plain"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitSignal = 128 // and the number of the signal
)

// streams are the standard streams of the process.
type streams struct {
	out io.Writer
	err io.Writer
	// live says that err is a terminal, which can show progress.
	live bool
}

// command is what a name on the command line stands for.
type command func(ctx context.Context, args []string, std streams) int

// lookup finds the command of a name.
func lookup(name string) (command, bool) {
	switch name {
	case "run":
		return run, true
	case "explain":
		return explain, true
	case "nexmark":
		return nexmarkEvents, true
	case "seals":
		return seals, true
	case "savepoint":
		return savepoint, true
	case "versions":
		return versions, true
	case "query":
		return inquire, true
	case "demo":
		return func(ctx context.Context, args []string, std streams) int {
			return demo.Command(ctx, args, std.out, std.err)
		}, true
	case "version", "--version", "-version":
		return version, true
	case "help", "--help", "-help", "-h":
		return help, true
	}
	return nil, false
}

// Main runs the command line args, without the name of the program, and returns the exit status. Interrupts stop the
// command in good order; a second one ends the process at once.
func Main(args []string, stdout, stderr *os.File) int {
	signal.Ignore(syscall.SIGPIPE) // a reader that is gone is an error of a write, after which we still clean up
	ctx, stop := onSignal(context.Background())
	defer stop()
	info, err := stderr.Stat()
	live := err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	return dispatch(ctx, args, streams{out: stdout, err: stderr, live: live})
}

func dispatch(ctx context.Context, args []string, std streams) int {
	if len(args) == 0 {
		_, _ = io.WriteString(std.err, usage) // the status says it too
		return exitUsage
	}
	command, ok := lookup(args[0])
	if !ok {
		return misuse(std, "%q is not a command; see calmstream help", args[0])
	}
	return command(ctx, args[1:], std)
}

// complain writes one sentence for a person. Where there is none to read it, the exit status has to do.
func complain(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, "calmstream: "+format+"\n", args...)
}

// sentence says what went wrong in one line, and in words of the command line.
func sentence(err error) string { return plain.Sentence(err, "begin anew with another --run") }

// misuse says what is wrong with the command line.
func misuse(std streams, format string, args ...any) int {
	complain(std.err, format, args...)
	return exitUsage
}

// deliver writes output in one piece.
func deliver(std streams, output []byte) int {
	if len(output) == 0 {
		return exitOK
	}
	if _, err := std.out.Write(output); err != nil {
		complain(std.err, "the output could not be written: %s", sentence(err))
		return exitFailed
	}
	return exitOK
}
