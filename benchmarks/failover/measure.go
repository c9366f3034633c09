//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/calmstream/calmstream/benchmarks/internal/process"
)

const (
	// settle is the time between two things that happen in a measurement, and watch is for how long the ids are looked at that
	// are sent after one.
	settle, watch = 3 * time.Second, 4 * time.Second
)

// event is something that happens to a worker.
type event struct {
	name     string
	standbys int
	do       func(ctx context.Context, b *bench, workers []*process.Process) ([]*process.Process, error)
}

// events are what is measured. Each begins and ends with two workers.
var events = []event{
	{"nothing", 0, func(_ context.Context, _ *bench, workers []*process.Process) ([]*process.Process, error) {
		return workers, nil
	}},
	{"kill -9, no standby", 0, killOne},
	{"kill -9, one standby", 1, killOne},
	{"a third worker joins", 0, joinOne},
	{"a worker leaves (SIGTERM)", 0, leaveOne},
}

func killOne(_ context.Context, _ *bench, workers []*process.Process) ([]*process.Process, error) {
	workers[0].Kill()
	return workers[1:], nil
}

func joinOne(ctx context.Context, b *bench, workers []*process.Process) ([]*process.Process, error) {
	w, err := b.worker(ctx)
	if err != nil {
		return workers, err
	}
	return append(workers, w), nil
}

func leaveOne(ctx context.Context, _ *bench, workers []*process.Process) ([]*process.Process, error) {
	if err := workers[0].Signal(syscall.SIGTERM); err != nil {
		return workers, err
	}
	return workers[1:], workers[0].Finish(ctx)
}

// measureAll measures each kind of event several times.
func measureAll(ctx context.Context, o options, out io.Writer) error {
	if !o.json {
		say(out, "%d shards in each of two stages, two workers, %d ids/s; the longest time from sending an id to its result\n\n", o.shards, o.rate)
		say(out, "%-28s %10s %10s %10s\n", "what happens", "best", "median", "worst")
	}
	for _, e := range events {
		times, err := measure(ctx, o, e)
		if err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		slices.Sort(times)
		if o.json {
			line := struct {
				What    string    `json:"what"`
				Seconds []float64 `json:"seconds"`
			}{What: e.name}
			for _, t := range times {
				line.Seconds = append(line.Seconds, t.Seconds())
			}
			if err := json.NewEncoder(out).Encode(line); err != nil {
				return err
			}
			continue
		}
		round := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
		say(out, "%-28s %10s %10s %10s\n", e.name, round(times[0]), round(times[len(times)/2]), round(times[len(times)-1]))
	}
	return nil
}

// measure lets an event happen several times and returns the longest times.
func measure(ctx context.Context, o options, e event) (times []time.Duration, err error) {
	b, err := newBench(ctx, o, e.standbys)
	if err != nil {
		return nil, err
	}
	defer b.close()
	var workers []*process.Process
	defer func() { killAll(workers) }()
	for range o.repeat {
		for len(workers) < 2 {
			w, err := b.worker(ctx)
			if err != nil {
				return nil, err
			}
			workers = append(workers, w)
		}
		if len(workers) > 2 {
			if workers, err = leaveOne(ctx, b, workers); err != nil {
				return nil, err
			}
		}
		if err := wait(ctx, settle); err != nil {
			return nil, err
		}
		began := time.Now()
		if workers, err = e.do(ctx, b, workers); err != nil {
			return nil, err
		}
		waiting, cancel := context.WithTimeout(ctx, patience)
		worst, err := b.load.worst(waiting, began, began.Add(watch))
		cancel()
		if err != nil {
			return nil, err
		}
		times = append(times, worst)
	}
	ending, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = b.end(ending, workers)
	workers = nil
	return times, err
}
