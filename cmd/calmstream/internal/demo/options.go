package demo

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/store"
	"github.com/calmstream/calmstream/cmd/internal/adclicks"
)

const (
	// window is short, so that a few seconds show several of them.
	window     = 2 * time.Second
	partitions = 2
	// keepEvents bounds what a demo without end leaves on the disk. The pipeline is never that far behind.
	keepEvents = 10 * time.Minute
	maxRate    = 1_000_000
)

// options are the flags.
type options struct {
	length time.Duration // 0: until it is interrupted
	rate   int
	place  store.Config
}

const usage = `usage: calmstream demo [--for 10s] [--rate N] [--store DIR | --nats URL]

Generates ad events, counts clicks by campaign, and shows alerts that leave at
once next to rankings that wait until they are final. Ctrl-C ends it and checks
the results; a second Ctrl-C ends it at once.

`

// parse reads the flags. It returns flag.ErrHelp if only help was asked for, which it has printed then.
func parse(args []string, stdout io.Writer) (options, error) {
	var o options
	set := flag.NewFlagSet("demo", flag.ContinueOnError)
	set.SetOutput(io.Discard) // errors are told by the caller, once
	set.DurationVar(&o.length, "for", 0, "`duration` after which it ends by itself; 0 means at Ctrl-C")
	set.IntVar(&o.rate, "rate", 1000, "events a second")
	o.place.Flags(set)
	err := set.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		set.SetOutput(stdout)
		_, _ = fmt.Fprint(stdout, usage)
		set.PrintDefaults()
		return o, flag.ErrHelp
	case err != nil:
		return o, err
	case set.NArg() > 0:
		return o, fmt.Errorf("it takes no arguments, but there is %q", set.Arg(0))
	case o.length < 0:
		return o, fmt.Errorf("--for must not be negative, but is %s", o.length)
	case o.rate < 1 || o.rate > maxRate:
		return o, fmt.Errorf("--rate must be from 1 to %d, but is %d", maxRate, o.rate)
	}
	return o, o.place.Check()
}

// pipeline is the Config of a pipeline with the given name. The threshold is such that a popular campaign reaches it in the
// middle of a window.
func (o options) pipeline(name string) adclicks.Config {
	perWindow := float64(o.rate) * window.Seconds()
	return adclicks.Config{
		Name:       name,
		Partitions: partitions,
		Window:     window,
		Lateness:   window / 4,
		AlertAt:    max(1, uint64(perWindow*0.0375)),
	}
}

// load is the stream of events that begins at start.
func (o options) load(start time.Time) adclicks.Load {
	return adclicks.Load{
		Seed:       1,
		Start:      start,
		Rate:       o.rate,
		Partitions: partitions,
		Jitter:     300 * time.Millisecond, // less than the lateness: these all count
		Straggle:   2*window + window/4,    // more than window and lateness: these come late
	}
}
