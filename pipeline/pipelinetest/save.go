package pipelinetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/pipeline"
	"github.com/cespare/xxhash/v2"
)

// Replay runs a history that was saved in a file and fails the test if it still shows what it was saved for. It returns
// the outcome of a plain run of its messages. Of the options it needs the accounts.
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

// directory is where the histories of a test are, as testing keeps the inputs that fuzzing has found.
func directory(test string) string {
	return filepath.Join("testdata", "pipelinetest", filepath.FromSlash(test))
}

// replaySaved tries the histories that were saved for the test, of pipelines with this name.
func (s *search) replaySaved(t testing.TB) error {
	t.Helper()
	entries, err := os.ReadDir(directory(t.Name()))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("pipelinetest: %w", err)
	}
	p, err := s.build().Plan()
	if err != nil {
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
		if h.Pipeline != p.Graph.Name {
			continue // of another Check in this test
		}
		if _, err := h.Run(s.build, s.o); err != nil {
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
	return fmt.Sprintf("%v\nIt is saved as %s, which Check tries first from now on; pipelinetest.Replay runs it alone.", err, file)
}
