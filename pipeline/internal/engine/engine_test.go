package engine_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/pipeline/internal/engine"
	"github.com/calmstream/calmstream/pipeline/internal/source"
)

// Shards that read one stream fail alike when it goes: that is one sentence and not one for each.
func TestWhatAllShardsSayIsSaidOnce(t *testing.T) {
	t.Parallel()
	gone := func() error { return fmt.Errorf("reading: %w", &source.MissingError{Stream: "in"}) }
	err := engine.Distinct([]error{gone(), errRefused, gone(), errors.Join(gone(), nil)})
	if want := gone().Error() + "\n" + errRefused.Error(); err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if !errors.Is(err, source.ErrStreamMissing) || !errors.Is(err, errRefused) {
		t.Errorf("%v hides a cause", err)
	}
	if err := engine.Distinct(nil); err != nil {
		t.Errorf("nothing failed: %v", err)
	}
}

// Start records of before the numbers of cuts were in them are read as they were.
func TestStartRecordWithoutCuts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		`{"logs":{"moves":{"stream":"MOVES","created":7,"after":12}}}`:              0,
		`{"logs":{"moves":{"stream":"MOVES","created":7,"after":12,"cuts":[4,5]}}}`: 5,
	} {
		if got, err := engine.CutOf([]byte(text), "moves", 1); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
}
