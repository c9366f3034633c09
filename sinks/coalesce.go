package sinks

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Coalesce writes to another sink at most once in an interval, and of the lower bounds (operators.Bounds) that have gathered by then only the newest
// of each Path. So a consumer gets fewer of them. Nothing else is left out, and nothing waits beyond a checkpoint: before each one all that has
// gathered is written. So the last bound of each thing always comes, in the end and at each checkpoint.
//
// Which bounds are left out depends on the clock, on who runs the shard and on how fast the destination is. Whoever needs the same ones at each run
// takes larger steps with operators.Bounds. All other results that go there wait for the interval too.
type Coalesce struct {
	// To is the destination. It is required, and is no Outbox, whose results leave with checkpoints.
	To Sink
	// Every is the least time between two writes; 0 means a second.
	Every time.Duration
}

// Target returns that of the destination.
func (s Coalesce) Target() string {
	if s.To == nil {
		return "nothing"
	}
	return s.To.Target()
}

// Interval returns the least time between two writes.
func (s Coalesce) Interval() time.Duration {
	if s.Every == 0 {
		return time.Second
	}
	return s.Every
}

// Open opens the destination.
func (s Coalesce) Open(ctx context.Context, env Env) (Writer, error) {
	if s.To == nil {
		return nil, errors.New("sinks: Coalesce has no destination: set To")
	}
	if s.Every < 0 {
		return nil, fmt.Errorf("sinks: %s: Coalesce.Every is %s: use a positive duration, or 0 for a second", s.Target(), s.Every)
	}
	switch s.To.(type) {
	case Outbox, *Outbox:
		return nil, fmt.Errorf("sinks: %s: an Outbox cannot be coalesced: what goes there leaves with the checkpoint", s.Target())
	}
	w, err := s.To.Open(ctx, env)
	if err != nil {
		return nil, err
	}
	return &coalescer{Writer: w, place: make(map[string]int)}, nil
}

// coalescer is the Writer of Coalesce. The engine paces its calls.
type coalescer struct {
	Writer
	place map[string]int // in kept, by path
	kept  []Record
}

// Write writes all records but bounds to which there is a newer one among them. The newest takes the place of the first.
func (c *coalescer) Write(ctx context.Context, records []Record) error {
	defer func() { // what was lent
		clear(c.kept)
		clear(c.place)
	}()
	c.kept = c.kept[:0]
	for _, r := range records {
		if r.Version == 0 || r.Path == "" {
			c.kept = append(c.kept, r)
			continue
		}
		i, met := c.place[r.Path]
		switch {
		case !met || r.Version == c.kept[i].Version: // the destination says whether two of one version are the same
			c.place[r.Path] = len(c.kept)
			c.kept = append(c.kept, r)
		case r.Version > c.kept[i].Version:
			c.kept[i] = r
		}
	}
	return c.Writer.Write(ctx, c.kept)
}
