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
