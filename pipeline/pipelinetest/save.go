package pipelinetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/calmstream/calmstream/pipeline"
	"github.com/cespare/xxhash/v2"
)

// Replay runs a history that was saved in a file and fails the test if it still shows what it was saved for. It returns
// the outcome of a plain run of its messages. Of the options it needs the accounts. What CheckShards has saved is for ReplayShards.
func Replay(t testing.TB, build func() *pipeline.Pipeline, file string, o Options) Outcome {
	t.Helper()
	h, err := load(file)
	if err != nil {
		t.Fatal(err)
	}
	outcome, err := h.Run(build, o)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return outcome
}

// ReplayShards is Replay for what CheckShards has saved: it also holds the messages against the same ones in one shard.
func ReplayShards(t testing.TB, build func(shards int) *pipeline.Pipeline, file string, o Options) Outcome {
	t.Helper()
	h, err := load(file)
	if err != nil {
		t.Fatal(err)
	}
	outcome, err := h.RunShards(build, o)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return outcome
}

// RunShards is Run for a history of CheckShards. It returns the outcome of a plain run of the messages as they were dealt.
func (h *History) RunShards(build func(shards int) *pipeline.Pipeline, o Options) (Outcome, error) {
	if h.Shards < 1 {
		return Outcome{}, fmt.Errorf("%w: the history does not say to how many shards its messages were dealt: CheckShards has not made it", errUnfit)
	}
	d := &dealer{build: build, o: o.withDefaults()}
	outcome, err := h.Run(func() *pipeline.Pipeline { return build(h.Shards) }, o)
	if err != nil {
		return outcome, err
	}
	if err := d.differ(h.Shards, unnumbered(h.Logs)); err != nil {
		return outcome, &Failure{Err: err, History: h, Steps: h.Steps(), Messages: h.messages()}
	}
	return outcome, nil
}

// Run runs the history, and returns the outcome of a plain run of its messages, and an error if the two differ. Of the options it
// needs the accounts.
func (h *History) Run(build func() *pipeline.Pipeline, o Options) (Outcome, error) {
	s := newSearch(build, o)
	want, err := s.plain(h.Logs)
	if err != nil {
		return want, err
	}
	if err := s.replay(h, want); err != nil {
		return want, &Failure{Err: err, History: h, Steps: h.Steps(), Messages: h.messages()}
	}
	return want, nil
}

func load(file string) (*History, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("pipelinetest: %w", err)
	}
	h := new(History)
	if err := h.UnmarshalText(text); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return h, nil
}

// directory is where the histories of a test are, as testing keeps the inputs that fuzzing has found. Names of subtests may hold
// what not every file system takes.
func directory(test string) string {
	test = strings.Map(func(r rune) rune {
		if r == '/' || unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_=,#+", r) {
			return r
		}
		return '_'
	}, test)
	return filepath.Join("testdata", "pipelinetest", filepath.FromSlash(test))
}

// replaySaved tries the histories that were saved for the test, of pipelines with this name that they fit.
func (s *search) replaySaved(t testing.TB) error {
	t.Helper()
	return replaySaved(t, s.build(), func(h *History) error {
		if h.Shards > 0 {
			return fmt.Errorf("%w: it is of CheckShards", errUnfit)
		}
		_, err := h.Run(s.build, s.o)
		return err
	})
}

// replaySaved tries the histories that were saved for the test and the pipeline.
func replaySaved(t testing.TB, p *pipeline.Pipeline, run func(*History) error) error {
	t.Helper()
	entries, err := os.ReadDir(directory(t.Name()))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("pipelinetest: %w", err)
	}
	if err := p.Err(); err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() { // of a subtest
			continue
		}
		file := filepath.Join(directory(t.Name()), e.Name())
		h, err := load(file)
		if err != nil {
			return err
		}
		if h.Pipeline != p.Name() {
			continue // of another Check in this test
		}
		switch err := run(h); {
		case errors.Is(err, errUnfit): // a test may try a pipeline with several numbers of shards
			t.Logf("%s: %v", file, err)
		case err != nil:
			return fmt.Errorf("pipelinetest: the saved history %s (delete it if it is about what the pipeline no longer is): %w", file, err)
		}
	}
	return nil
}

// describe saves the history of a failure, and says where.
func describe(t testing.TB, err error) string {
	t.Helper()
	f := (*Failure)(nil)
	if !errors.As(err, &f) || f.Flaky || strings.Contains(err.Error(), "the saved history") {
		return err.Error() // what is not the same each time, or is saved already, is not saved
	}
	text, failed := f.History.MarshalText()
	file := filepath.Join(directory(t.Name()), fmt.Sprintf("%016x", xxhash.Sum64(text)))
	if failed == nil {
		failed = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if failed == nil {
		failed = os.WriteFile(file, text, 0o644)
	}
	if failed != nil {
		return fmt.Sprintf("%v\nIt could not be saved: %v", err, failed)
	}
	check, replay := "Check", "Replay"
	if f.History.Shards > 0 {
		check, replay = "CheckShards", "ReplayShards"
	}
	return fmt.Sprintf("%v\nIt is saved as %s, which %s tries first from now on; pipelinetest.%s runs it alone.", err, file, check, replay)
}
