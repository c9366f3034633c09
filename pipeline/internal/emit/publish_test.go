package emit_test

import (
	"testing"

	"github.com/calmstream/calmstream/pipeline/internal/emit"
	"github.com/nats-io/nats.go/jetstream"
)

// Only what is stored counts as stored: that another owner is about to store it does not.
func TestExists(t *testing.T) {
	t.Parallel()
	for code, want := range map[jetstream.ErrorCode]bool{10071: true, 10164: false, 10077: false} {
		if got := emit.Exists(&jetstream.APIError{ErrorCode: code}); got != want {
			t.Errorf("code %d: %v, want %v", code, got, want)
		}
	}
}
