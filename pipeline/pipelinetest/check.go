package pipelinetest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline"
)

// Log is the input of one shard of a Read, in order. An end marker is added behind it.
type Log struct {
	// Read is the name of the Read, and Shard the number of its shard.
	Read  string
	Shard int
	// Messages are the payloads. Message i is stored at second i of 2024-01-01 UTC.
	Messages [][]byte
}

// Result is one result of a pipeline.
type Result struct {
	// Write is the name of the Write.
	Write string
	// Identity is what the result is about: window and key, or its place in the log; behind an exchange, where the place depends on
	// the schedule, only the stage.
	Identity string
	Verdict  crdt.Verdict
	Payload  string
}

// Outcome is all that a run produced.
type Outcome struct {
	// Results are sorted by Write and Identity.
	Results []Result
	// Rejected holds the reasons of dead letters and late records by their place: operator, shard and position.
	Rejected map[string]string
}

// Options says how hard to try. The zero Options is a good start.
type Options struct {
	// Seed makes a run repeatable; 0 draws one. It is printed when something is found.
	Seed uint64
	// Rounds is the number of schedules; 0 means 50.
	Rounds int
	// Owners is how many owners each shard has at once; 0 means 2.
	Owners int
}

// Check runs the pipeline that build makes under many schedules and fails the test if any result differs. It
// returns the outcome, for the test to hold it against what is right.
func Check(t testing.TB, build func() *pipeline.Pipeline, logs []Log, o Options) Outcome {
	t.Helper()
	outcome, err := Run(build, logs, o)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

// Run is Check for other places than tests: it returns the difference that was found.
func Run(build func() *pipeline.Pipeline, logs []Log, o Options) (Outcome, error) {
	if o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	if o.Rounds == 0 {
		o.Rounds = 50
	}
	if o.Owners == 0 {
		o.Owners = 2
	}
	want, err := one(build, logs, plainly)
	if err != nil {
		return want, err
	}
	for round := range o.Rounds {
		rng := rand.New(rand.NewPCG(o.Seed, uint64(round)))
		got, err := one(build, logs, func(w *world) error { return w.chaos(rng, o.Owners) })
		if err == nil {
			err = compare(want, got)
		}
		if err != nil {
			return want, fmt.Errorf("pipelinetest: seed %d, round %d: %w", o.Seed, round, err)
		}
	}
	return want, nil
}

// one runs a fresh pipeline under one schedule.
func one(build func() *pipeline.Pipeline, logs []Log, schedule func(*world) error) (Outcome, error) {
	p, err := build().Plan()
	if err != nil {
		return Outcome{}, err
	}
	w, err := newWorld(p, logs)
	if err != nil {
		return Outcome{}, err
	}
	if err := schedule(w); err != nil {
		return Outcome{}, err
	}
	return w.outcome(), nil
}

func compare(want, got Outcome) error {
	var errs []error
	if !slices.Equal(want.Results, got.Results) {
		errs = append(errs, fmt.Errorf("the results differ from those of a plain run:\n%s", difference(want.Results, got.Results)))
	}
	if !maps.Equal(want.Rejected, got.Rejected) {
		errs = append(errs, fmt.Errorf("dead letters or late records differ: a plain run has %v, this one %v", want.Rejected, got.Rejected))
	}
	return errors.Join(errs...)
}

func difference(want, got []Result) string {
	var b strings.Builder
	for _, r := range want {
		if !slices.Contains(got, r) {
			fmt.Fprintf(&b, "  - %+v\n", r)
		}
	}
	for _, r := range got {
		if !slices.Contains(want, r) {
			fmt.Fprintf(&b, "  + %+v\n", r)
		}
	}
	return b.String()
}

// storeTime is when message i was stored.
func storeTime(i int) int64 {
	return time.Date(2024, 1, 1, 0, 0, i, 0, time.UTC).UnixNano()
}

// inputMessages makes the messages of a log, with its end marker.
func inputMessages(l Log) []plan.Message {
	var out []plan.Message
	for i, data := range l.Messages {
		out = append(out, plan.Message{Subject: fmt.Sprintf("%s.%d", l.Read, l.Shard), Data: data, Seq: uint64(i + 1), Time: storeTime(i)})
	}
	n := len(l.Messages)
	return append(out, plan.Message{Header: map[string][]string{"Calm-Seal": {"end"}}, Seq: uint64(n + 1), Time: storeTime(n)})
}
