package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/feed"
	"github.com/calmstream/calmstream/cmd/calmstream/internal/store"
	"github.com/calmstream/calmstream/cmd/calmstream/internal/wordcount"
)

// defaultShards is not the number of processors: the same run may go on on another machine.
const defaultShards = 4

// standardInput is the name of the input that is no file.
const standardInput = "-"

const runUsage = `calmstream run wordcount --input FILE [flags]

Counts words: runs of letters and digits, in lower case, as of tr -cs 'A-Za-z0-9' '\n' | tr A-Z a-z
for ASCII text. The most frequent word comes first.`

// order is what the command line of run asks for.
type order struct {
	inputs  []string
	output  string
	shards  int
	names   wordcount.Names
	place   store.Config
	verbose bool
}

// run runs a pipeline that calmstream ships with.
func run(ctx context.Context, args []string, std streams) int {
	if len(args) > 0 && strings.HasPrefix(args[0], nexmarkPrefix) {
		return runNexmark(ctx, args, std)
	}
	o, help, err := parseRun(args)
	switch {
	case help != nil:
		return deliver(std, help)
	case err != nil:
		return misuse(std, "%s; see calmstream help run", sentence(err))
	}
	if err := readable(o.inputs); err != nil {
		complain(std.err, "%s", sentence(err))
		return exitFailed
	}
	console := newConsole(std)
	level := slog.LevelWarn
	if o.verbose {
		level = slog.LevelInfo
	}
	logger := slog.New(slog.NewTextHandler(console, &slog.HandlerOptions{Level: level}))
	o.place.Logger = logger
	st, err := store.Open(ctx, o.place)
	if err != nil {
		return stopped(ctx, err, o, nil, console)
	}
	code := count(ctx, o, st, std, console, logger)
	if err := st.Close(); err != nil {
		complain(console, "%s", sentence(err))
		code = max(code, exitFailed)
	}
	return code
}

// count runs the word count on a server and delivers its results.
func count(ctx context.Context, o order, st *store.Store, std streams, console *console, logger *slog.Logger) int {
	w := watch(console, "words")
	config := wordcount.Config{
		Names: o.names, Shards: o.shards, Conn: st.Conn(), Worker: st.Worker(), Logger: logger, Monitor: &w.monitor, Fed: w.progress,
	}
	for _, path := range o.inputs {
		config.Inputs = append(config.Inputs, feed.File(path))
	}
	err := wordcount.Run(ctx, config)
	w.stop()
	var results wordcount.Results
	if err == nil {
		results, err = wordcount.Collect(ctx, config)
	}
	if err != nil {
		return stopped(ctx, err, o, st, console)
	}
	render := wordcount.Text
	if o.output == "json" {
		render = wordcount.JSON
	}
	output, err := render(results.Words)
	if err != nil {
		complain(console, "%s", sentence(err))
		return exitFailed
	}
	code := deliver(std, output)
	if results.Unused > 0 {
		complain(console, "the counts are incomplete: %d records could not be used; %s", results.Unused, whereabouts(o, st))
		code = exitFailed
	}
	return code
}

// whereabouts says where the records are that could not be used.
func whereabouts(o order, st *store.Store) string {
	if st.Temporary() {
		return "they were in a temporary directory and are gone (--store keeps one)"
	}
	return fmt.Sprintf("they are in stream %s of %s, with the reasons", o.names.DeadLetters, st.Place())
}

// stopped explains why there are no results. st is nil where there was no server yet.
func stopped(ctx context.Context, err error, o order, st *store.Store, console *console) int {
	by, ok := signalOf(ctx)
	if !ok {
		complain(console, "%s", sentence(err))
		return exitFailed
	}
	switch {
	case st == nil:
		complain(console, "%v before anything was done", by)
	case st.Temporary():
		complain(console, "%v; the run was in a temporary directory and is gone (--store keeps one)", by)
	case slices.Contains(o.inputs, standardInput):
		complain(console, "%v; the same command goes on from here, with the same standard input from its start", by)
	default:
		complain(console, "%v; the same command goes on from here", by)
	}
	return exitSignal + int(by.signal)
}

// parseRun reads the command line. help is what to print instead of running.
func parseRun(args []string) (o order, help []byte, err error) {
	set := flagSet("run")
	set.Func("input", "`file` to count the words of, or - for standard input; may be given several times", func(path string) error {
		o.inputs = append(o.inputs, path)
		return nil
	})
	set.StringVar(&o.output, "output", "text", "`format` of the results: text, as of uniq -c, or json, one object a line")
	set.IntVar(&o.shards, "shards", defaultShards, "`number` of partitions of the input; a run keeps its number")
	set.BoolVar(&o.verbose, "verbose", false, "tell more about what happens")
	name := set.String("run", wordcount.DefaultRun, "`name` of the run; several have room on one server")
	o.place.Flags(set)
	rest, err := parse(set, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return o, flagHelp(set, runUsage), nil
	case err != nil:
		return o, nil, fmt.Errorf("run: %w", err)
	case len(rest) == 0:
		return o, nil, errors.New("run takes the name of a pipeline: wordcount, or nexmark-q0 to nexmark-q23")
	case rest[0] != wordcountName:
		return o, nil, fmt.Errorf("run knows no pipeline %q; it knows wordcount, and nexmark-q0 to nexmark-q23", rest[0])
	case len(rest) > 1:
		return o, nil, fmt.Errorf("run wordcount: %q is too much; files are given with --input", rest[1])
	}
	if o.names, err = wordcount.NamesOf(*name); err != nil {
		return o, nil, fmt.Errorf("run wordcount: --run: %w", err)
	}
	return o, nil, o.check()
}

// check says which flags make no sense.
func (o order) check() error {
	standard := 0
	for _, path := range o.inputs {
		if path == standardInput {
			standard++
		}
	}
	switch {
	case len(o.inputs) == 0:
		return errors.New("run wordcount: --input is missing; name a file, or - for standard input")
	case standard > 1:
		return errors.New("run wordcount: standard input can be read once, and --input - is given twice")
	case o.output != "text" && o.output != "json":
		return fmt.Errorf("run wordcount: --output is text or json, not %q", o.output)
	case o.shards < 1 || o.shards > maxShards:
		return fmt.Errorf("run wordcount: --shards is a number from 1 to %d, not %d", maxShards, o.shards)
	}
	if err := o.place.Check(); err != nil {
		return fmt.Errorf("run wordcount: %w", err)
	}
	return nil
}

// readable looks at the files before anything is started for them.
func readable(paths []string) error {
	for _, path := range paths {
		if path == standardInput {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("the input cannot be read: %w", err)
		}
		if info.IsDir() {
			return fmt.Errorf("the input %s is a directory; give its files one by one", path)
		}
	}
	return nil
}
