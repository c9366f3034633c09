package nexmark

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Rates of events, in events of all kinds for each second of event time. How far a number of events reaches in event time
// depends on them: a run of a hundred million at the official rate spans ten seconds, which is a single window of most queries.
const (
	// OfficialRate is that of the published runs (with 8 generators).
	OfficialRate = 10_000_000
	// DefaultRate is what the generator has by itself.
	DefaultRate = 10_000
	// LongRate has a thousand events for each window of ten seconds, so that small runs have many.
	LongRate = 100
)

// Base is when event time begins, unless a Config says otherwise.
var Base = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// ErrConfig says that no generator has such a Config.
var ErrConfig = errors.New("nexmark: bad configuration")

// Limits of a Config. They keep event times within the range of a time.Duration, and ids within that of an int64.
const (
	maxEvents     = 1 << 40
	maxGenerators = 1024
	maxGroup      = 1 << 20
)

// Config says which events there are. Its zero value has none.
type Config struct {
	// Seed tells one set of events from another.
	Seed uint64
	// Events is how many there are.
	Events uint64
	// Rate is how many there are for each second of event time; 0 means DefaultRate.
	Rate uint64
	// Generators is over how many generators they are divided, each of which has a part of the ids and goes through the same time;
	// 0 means 1.
	Generators int
	// OutOfOrder is the size of the groups of consecutive events that each generator emits out of order; 0 means 1: all in order. It is
	// no multiple of 953, the number that shuffles them.
	OutOfOrder uint64
	// Start is when event time begins; the zero time means Base.
	Start time.Time
}

// Check says why there is no generator with this Config. It wraps ErrConfig.
func (c Config) Check() error {
	c = c.withDefaults()
	switch {
	case c.Events > maxEvents:
		return fmt.Errorf("%w: %d events; there may be %d", ErrConfig, c.Events, uint64(maxEvents))
	case c.Rate > 1e9:
		return fmt.Errorf("%w: %d events a second; there may be 1000000000", ErrConfig, c.Rate)
	case c.Generators < 0 || c.Generators > maxGenerators:
		return fmt.Errorf("%w: %d generators; there may be from 1 to %d", ErrConfig, c.Generators, maxGenerators)
	case c.OutOfOrder > maxGroup || c.OutOfOrder%shuffle == 0:
		return fmt.Errorf("%w: groups of %d events out of order; they may have up to %d, but no multiple of %d", ErrConfig, c.OutOfOrder, maxGroup, shuffle)
	case c.Events/c.Rate > 50*365*24*60*60:
		return fmt.Errorf("%w: %d events with %d for each second are more than 50 years", ErrConfig, c.Events, c.Rate)
	}
	return nil
}

func (c Config) withDefaults() Config {
	c.Rate = cmp.Or(c.Rate, DefaultRate)
	c.Generators = cmp.Or(c.Generators, 1)
	c.OutOfOrder = cmp.Or(c.OutOfOrder, 1)
	if c.Start.IsZero() {
		c.Start = Base
	}
	return c
}

// Part returns generator i, from 0. Its events are those of a part of the ids; the last one has what is left over.
func (c Config) Part(i int) (*Generator, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	if i < 0 || i >= c.Generators {
		return nil, fmt.Errorf("%w: there is no generator %d of %d", ErrConfig, i, c.Generators)
	}
	k := uint64(c.Generators)
	each := c.Events / k
	g := &Generator{
		seed: c.Seed, first: uint64(i) * each, events: each, group: c.OutOfOrder,
		start: c.Start.UnixMilli(), delay: 1e6 / float64(c.Rate) * float64(k),
	}
	if i == c.Generators-1 {
		g.events = c.Events - g.first
	}
	return g, nil
}

// All yields the events of all generators, one of each in turn, with the number of the generator. This is the order in which time goes by
// where there is no other.
func (c Config) All() (iter.Seq2[int, Event], error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	parts := make([]*Generator, c.withDefaults().Generators)
	for i := range parts {
		g, err := c.Part(i)
		if err != nil {
			return nil, err
		}
		parts[i] = g
	}
	return func(yield func(int, Event) bool) {
		for n := range parts[len(parts)-1].events { // the last one has most
			for i, g := range parts {
				if n < g.events && !yield(i, g.Event(n)) {
					return
				}
			}
		}
	}, nil
}
