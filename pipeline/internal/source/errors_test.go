package source_test

import (
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/source"
)

// Each loss says how to go on, in terms that who writes a pipeline knows.
func TestLossesSayHowToBeginAnew(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		&source.RecreatedError{Stream: "S", Expected: time.Unix(0, 0), Found: time.Unix(1, 0)},
		&source.GapError{Stream: "S", From: 1, To: 2},
		&source.RewoundError{Stream: "S", Read: 7, Last: 3},
		&source.RewoundError{Stream: "S", Read: 7, Last: 9, Expected: time.Unix(0, 0), Found: time.Unix(1, 0)},
	} {
		if !strings.Contains(err.Error(), "or declare a new Version of the pipeline to begin anew") {
			t.Errorf("it does not say how: %v", err)
		}
	}
}
