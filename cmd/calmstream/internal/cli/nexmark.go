package cli

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"

	"github.com/calmstream/calmstream/benchmarks/nexmark"
)

const nexmarkUsage = `calmstream nexmark dump [flags]

Prints the events of the Nexmark benchmark, one JSON object a line, as they are emitted. The same flags print the same
events.`

// dumpBuffer is how much of a dump is written at once, and glanceEvery after how many events a signal is looked for.
const (
	dumpBuffer  = 64 << 10
	glanceEvery = 1024
)

// nexmarkEvents prints events of Nexmark.
func nexmarkEvents(ctx context.Context, args []string, std streams) int {
	var config nexmark.Config
	set := flagSet("nexmark")
	nexmarkFlags(set, &config)
	rest, err := parse(set, args)
	if err == nil {
		err = config.Check()
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return deliver(std, flagHelp(set, nexmarkUsage))
	case err != nil:
		return misuse(std, "nexmark: %s; see calmstream help nexmark", sentence(err))
	case len(rest) != 1 || rest[0] != "dump":
		return misuse(std, "nexmark is followed by dump; see calmstream help nexmark")
	}
	return dump(ctx, config, std)
}

// nexmarkFlags adds the flags that say which events there are.
func nexmarkFlags(set *flag.FlagSet, c *nexmark.Config) {
	c.Rate = nexmark.LongRate
	set.Uint64Var(&c.Events, "events", 10_000, "`number` of events")
	set.Uint64Var(&c.Seed, "seed", 1, "`number` that tells one set of events from another")
	set.IntVar(&c.Generators, "generators", 1, "`number` of generators that go through the same time, each with a part of the events")
	set.Uint64Var(&c.OutOfOrder, "out-of-order", 1, "`size` of the groups of events that are emitted out of order")
	set.Func("rate", "events for each second of event time: a `number`, official (10000000), default (10000) or long (100), which is the default here", func(text string) (err error) {
		switch text {
		case "official":
			c.Rate = nexmark.OfficialRate
		case "default":
			c.Rate = nexmark.DefaultRate
		case "long":
			c.Rate = nexmark.LongRate
		default:
			if c.Rate, err = strconv.ParseUint(text, 10, 64); err != nil || c.Rate == 0 {
				return errors.New("it is a positive number, or official, default or long")
			}
		}
		return nil
	})
}

// dump prints events as they are made: there may be more of them than there is memory.
func dump(ctx context.Context, c nexmark.Config, std streams) int {
	all, err := c.All()
	if err != nil {
		return misuse(std, "nexmark: %s", sentence(err))
	}
	out := bufio.NewWriterSize(std.out, dumpBuffer)
	var line []byte
	n := 0
	for _, e := range all {
		if n++; n%glanceEvery == 0 && ctx.Err() != nil {
			break
		}
		line = append(e.AppendJSON(line[:0]), '\n')
		if _, err = out.Write(line); err != nil {
			break
		}
	}
	if err == nil {
		err = out.Flush()
	}
	if by, ok := signalOf(ctx); ok {
		complain(std.err, "%v after %d of %d events", by, n, c.Events)
		return exitSignal + int(by.signal)
	}
	if err != nil {
		complain(std.err, "%s", sentence(fmt.Errorf("the output could not be written: %w", err)))
		return exitFailed
	}
	return exitOK
}
