package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"strings"

	"github.com/calmstream/calmstream/benchmarks/nexmark"
	"github.com/calmstream/calmstream/benchmarks/nexmark/queries"
	"github.com/calmstream/calmstream/cmd/calmstream/internal/feed"
	"github.com/calmstream/calmstream/cmd/calmstream/internal/market"
	"github.com/calmstream/calmstream/cmd/calmstream/internal/store"
)

// nexmarkPrefix begins the names of the pipelines that are queries of Nexmark.
const nexmarkPrefix = "nexmark-"

// nexmarkQuery returns the query that a pipeline is.
func nexmarkQuery(name string) (queries.Query, bool) {
	query, is := strings.CutPrefix(name, nexmarkPrefix)
	if !is {
		return queries.Query{}, false
	}
	return queries.Find(query)
}

// nexmarkOrder is what the command line of a query asks for.
type nexmarkOrder struct {
	query   queries.Query
	events  nexmark.Config
	run     string
	shards  int
	output  string
	place   store.Config
	verbose bool
}

// runNexmark runs a query of Nexmark.
func runNexmark(ctx context.Context, args []string, std streams) int {
	o, help, err := parseNexmark(args)
	switch {
	case help != nil:
		return deliver(std, help)
	case err != nil:
		return misuse(std, "%s; see calmstream help run", sentence(err))
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
		return stopped(ctx, err, order{}, nil, console)
	}
	code := o.answer(ctx, st, std, console, logger)
	if err := st.Close(); err != nil {
		complain(console, "%s", sentence(err))
		code = max(code, exitFailed)
	}
	return code
}

// answer runs the query on a server and delivers its rows.
func (o nexmarkOrder) answer(ctx context.Context, st *store.Store, std streams, console *console, logger *slog.Logger) int {
	w := watch(console, "rows")
	results, err := market.Run(ctx, market.Config{
		Query: o.query, Events: o.events, Run: o.run, Shards: o.shards,
		Conn: st.Conn(), Worker: st.Worker(), Logger: logger, Monitor: &w.monitor,
		Fed: func(stored uint64) { w.progress(feed.Progress{Stored: stored}) },
	})
	w.stop()
	if err != nil {
		return stopped(ctx, err, order{}, st, console)
	}
	render := market.Text
	if o.output == "json" {
		render = market.JSON
	}
	output, err := render(results.Rows)
	if err != nil {
		complain(console, "%s", sentence(err))
		return exitFailed
	}
	code := deliver(std, output)
	if results.Unused > 0 {
		where := fmt.Sprintf("they are in stream %s of %s, with the reasons", results.DeadLetters, st.Place())
		if st.Temporary() {
			where = "they were in a temporary directory and are gone (--store keeps one)"
		}
		complain(console, "the rows are incomplete: %d records could not be used; %s", results.Unused, where)
		code = exitFailed
	}
	return code
}

// parseNexmark reads the command line. help is what to print instead of running.
func parseNexmark(args []string) (o nexmarkOrder, help []byte, err error) {
	set := flagSet("run")
	nexmarkFlags(set, &o.events)
	set.StringVar(&o.output, "output", "text", "`format` of the rows: text, fields with tabs between them, or json, one object a line")
	set.IntVar(&o.shards, "shards", defaultShards, "`number` of partitions of the events; a run keeps its number")
	set.BoolVar(&o.verbose, "verbose", false, "tell more about what happens")
	set.StringVar(&o.run, "run", "", "`name` of the run, if several of one query are to have room on one server")
	o.place.Flags(set)
	rest, err := parse(set, args)
	name := args[0]
	if err == nil && len(rest) > 1 {
		err = fmt.Errorf("%q is too much", rest[1])
	}
	if err == nil {
		err = o.check()
	}
	var known bool
	o.query, known = nexmarkQuery(name)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return o, flagHelp(set, "calmstream run "+name+" [flags]\n\nGenerates events of Nexmark, stores them, and runs the query over them."), nil
	case !known:
		return o, nil, fmt.Errorf("run knows no pipeline %q; it knows wordcount, and nexmark-q0 to nexmark-q23", name)
	case err != nil:
		return o, nil, fmt.Errorf("run %s: %w", name, err)
	}
	return o, nil, nil
}

// check says which flags make no sense.
func (o nexmarkOrder) check() error {
	switch {
	case o.output != "text" && o.output != "json":
		return fmt.Errorf("--output is text or json, not %q", o.output)
	case o.shards < 1 || o.shards > maxShards:
		return fmt.Errorf("--shards is a number from 1 to %d, not %d", maxShards, o.shards)
	case o.events.Events == 0:
		return errors.New("--events is a positive number")
	}
	return errors.Join(o.events.Check(), market.CheckRun(o.run), o.place.Check())
}
