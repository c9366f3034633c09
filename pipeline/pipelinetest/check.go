package pipelinetest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/calmstream/calmstream/pipeline"
)

// Options says how hard to try. The zero Options is a good start.
type Options struct {
	// Seed makes a run repeatable; 0 draws one. It is printed when something is found.
	Seed uint64
	// Rounds is the number of schedules; 0 means 50. In short tests (-short) Check runs a third of them.
	Rounds int
	// Owners is how many owners each shard has at once; 0 means 2, and 3 in every fourth round.
	Owners int
	// Accounts name Writes whose results say how many records they are made of: every record must then be in exactly one of them, or
	// rejected.
	Accounts []Account
}

func (o Options) withDefaults() Options {
	if o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	if o.Rounds == 0 {
		o.Rounds = 50
	}
	return o
}

// owners returns how many owners each shard has in a round.
func (o Options) owners(round int) int {
	switch {
	case o.Owners > 0:
		return o.Owners
	case round%4 == 3:
		return 3
	}
	return 2
}

// Check runs the pipeline that build makes under many schedules and fails the test if any result differs. It
// returns the outcome, for the test to hold it against what is right.
//
// What it finds it makes as short as it can, prints, and saves as testdata/pipelinetest/<test>/<hash>. As long as that file
// exists, Check tries it first. It is meant to be committed together with the repair.
func Check(t testing.TB, build func() *pipeline.Pipeline, logs []Log, o Options) Outcome {
	t.Helper()
	s := newSearch(build, o)
	if testing.Short() {
		s.o.Rounds = (s.o.Rounds + 2) / 3
	}
	err := s.replaySaved(t)
	var outcome Outcome
	if err == nil {
		outcome, err = s.run(logs)
	}
	if err != nil {
		t.Fatal(describe(t, err))
	}
	return outcome
}

// Run is Check for other places than tests: it returns the difference that was found, as a *Failure, and saves nothing.
func Run(build func() *pipeline.Pipeline, logs []Log, o Options) (Outcome, error) {
	return newSearch(build, o).run(logs)
}

// Failure is a difference that Check or Run has found.
type Failure struct {
	// Err says what differs.
	Err error
	// History is the shortest history found that shows it.
	History *History
	// Steps and Messages are the lengths of the history in which it was found first.
	Steps, Messages int
	// Flaky says that the same history does not show it each time: something depends on what is not in the history at all, such as a
	// clock, randomness, the order of a map, or what an earlier run has left behind. Then the history is as it was found.
	Flaky bool
}

// Error says what differs, and prints the history.
func (f *Failure) Error() string {
	h := f.History
	if h.Shards > 0 && f.Steps == 0 {
		return fmt.Sprintf("pipelinetest: seed %d, round %d, dealt to %d shards: %v\nThe shortest deal that shows it has %d of %d records.\n%s", h.Seed, h.Round, h.Shards, f.Err, h.messages(), f.Messages, h)
	}
	text := fmt.Sprintf("pipelinetest: seed %d, round %d: %v\n", h.Seed, h.Round, f.Err)
	if f.Flaky {
		text += "The same history does not show it each time: a function of the pipeline depends on a clock, on randomness, on the order of a map, or on what an earlier run has left behind. "
		return text + fmt.Sprintf("It was found with %d messages and %d steps.", f.Messages, f.Steps)
	}
	if h.Steps() == 0 && h.Owners == 1 {
		text += "No event is needed for it: two runs of the same messages differ, or a result depends on where batches end. "
	}
	return text + fmt.Sprintf("The shortest history that shows it has %d messages and %d steps; the one drawn had %d and %d.\n%s", h.messages(), h.Steps(), f.Messages, f.Steps, h)
}

// Unwrap returns what differs.
func (f *Failure) Unwrap() error { return f.Err }

// search looks for histories that a pipeline does not stand.
type search struct {
	build   func() *pipeline.Pipeline
	o       Options
	planted func() faults // makes the faults of one run; nil but in tests
	asDrawn bool          // leaves what is found as long as it was drawn
}

func newSearch(build func() *pipeline.Pipeline, o Options) *search {
	return &search{build: build, o: o.withDefaults()}
}

func (s *search) run(logs []Log) (Outcome, error) {
	want, err := s.plain(logs)
	if err != nil {
		return want, err
	}
	return want, s.rounds(logs, want)
}

// rounds runs schedules and holds each against the plain outcome.
func (s *search) rounds(logs []Log, want Outcome) error {
	for round := range s.o.Rounds {
		h := &History{Seed: s.o.Seed, Round: round, Owners: s.o.owners(round), Logs: logs}
		err := s.once(h, want, func(w *world) (err error) {
			h.Pipeline = w.plan.Graph.Name
			h.steps, err = w.chaos(rand.New(rand.NewPCG(s.o.Seed, uint64(round))))
			return err
		})
		if err != nil {
			return s.shorten(h, want, err)
		}
	}
	return nil
}

// plain is the outcome against which all others are held.
func (s *search) plain(logs []Log) (out Outcome, err error) {
	w, err := s.world(logs)
	if err == nil {
		err = w.plainly()
	}
	if err == nil {
		out, err = w.outcome(), w.balance(s.o.Accounts)
	}
	return out, err
}

// replay runs a history and holds it against a plain run of the same messages.
func (s *search) replay(h *History, want Outcome) error {
	return s.once(h, want, func(w *world) error {
		for _, step := range h.steps {
			if err := w.do(step); err != nil {
				return err
			}
		}
		return w.finish()
	})
}

// once runs a fresh pipeline under one schedule.
func (s *search) once(h *History, want Outcome, schedule func(*world) error) error {
	w, err := s.world(h.Logs)
	if err != nil {
		return err
	}
	if err := w.populate(h.Owners); err != nil {
		return err
	}
	if err := schedule(w); err != nil {
		return err
	}
	if err := compare(want, w.outcome()); err != nil {
		return err
	}
	return w.balance(s.o.Accounts)
}

func (s *search) world(logs []Log) (*world, error) {
	p, err := s.build().Plan()
	if err != nil {
		return nil, err
	}
	w, err := newWorld(p, logs)
	if err == nil && s.planted != nil {
		w.planted = s.planted()
	}
	return w, err
}
