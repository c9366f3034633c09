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
	"github.com/calmstream/calmstream/pipeline/internal/seal"
)

// Log is the input of one shard of a Read, in order. An end marker is added behind it; if the Read has registered producers,
// one of each, which promises what is in the log.
type Log struct {
	// Read is the name of the Read, and Shard the number of its shard.
	Read  string
	Shard int
	// Messages are the payloads. Message i is stored at second i of 2024-01-01 UTC.
	Messages [][]byte
	// Headers are those of the messages; there may be fewer.
	Headers []map[string][]string
	// Producers are the names of those who have published the messages, each of which numbers its own; there may be fewer.
	Producers []string
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

// inputMessages makes the messages of a log, with its end marker or those of the producers.
func inputMessages(l Log, producers []string) []plan.Message {
	var out []plan.Message
	add := func(data []byte, headers map[string][]string) {
		n := len(out)
		out = append(out, plan.Message{Subject: fmt.Sprintf("%s.%d", l.Read, l.Shard), Data: data, Header: headers, Seq: uint64(n + 1), Time: storeTime(n)})
	}
	numbers := make(map[string]uint64)
	for i, data := range l.Messages {
		var headers map[string][]string
		if i < len(l.Headers) {
			headers = l.Headers[i]
		}
		if i < len(l.Producers) {
			name := l.Producers[i]
			numbers[name]++
			headers = maps.Clone(headers)
			if headers == nil {
				headers = make(map[string][]string)
			}
			maps.Copy(headers, seal.RecordHeaders(name, numbers[name]))
		}
		add(data, headers)
	}
	if len(producers) == 0 {
		add(nil, map[string][]string{seal.Header: {seal.End}})
	}
	for _, name := range producers {
		add(nil, seal.Promise{Tally: published(name, out), Before: plan.End}.Headers(name))
	}
	return out
}

// published returns what a producer has published to a log: its records by their numbers, as far as they have no gap.
func published(producer string, log []plan.Message) (t seal.Tally) {
	records := make(map[uint64][]byte)
	for _, m := range log {
		n, err := seal.Sequence(m.Header)
		if _, again := records[n]; err == nil && !again && seal.Producer(m.Header) == producer {
			records[n] = m.Data
		}
	}
	for data, ok := records[1]; ok; data, ok = records[t.Count+1] {
		t.Add(data)
	}
	return t
}
