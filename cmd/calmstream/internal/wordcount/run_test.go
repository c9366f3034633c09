package wordcount_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/feed"
	"github.com/calmstream/calmstream/cmd/calmstream/internal/wordcount"
)

// What failed first is told. That no checkpoint was taken is news only where it follows from nothing that is told, and where
// a checkpoint would be of use.
func TestOneLossIsToldOnce(t *testing.T) {
	t.Parallel()
	slow, lost, signal := errors.New("too slow"), fmt.Errorf("%w: it was deleted", feed.ErrNotWhole), errors.New("a signal")
	for _, c := range []struct {
		name                     string
		cause, counting, feeding error
		want                     error
		logged                   bool
	}{
		{"all is well", nil, nil, nil, nil, false},
		{"counting fails", slow, slow, fmt.Errorf("stopped: %w", slow), slow, false},
		{"a signal", signal, fmt.Errorf("before the end: %w", signal), signal, signal, false},
		{"a signal, and a drain that is too slow", signal, slow, signal, signal, true},
		{"feeding fails, and a drain that is too slow", errors.ErrUnsupported, slow, errors.ErrUnsupported, errors.ErrUnsupported, true},
		{"feeding finds the input lost", lost, errors.New("the stream does not exist"), lost, lost, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			both, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if c.cause != nil {
				cancel(c.cause)
			}
			var log bytes.Buffer
			config := wordcount.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}
			if err := config.Outcome(both, c.counting, c.feeding); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if logged := strings.Contains(log.String(), "the last checkpoint was not taken"); logged != c.logged {
				t.Errorf("the log says %q", log.String())
			}
		})
	}
}

// An input that is fed whole before anyone looks whether its stream is there is counted all the same, and its end is still to be heard: which
// of the two is noticed first is chance.
func TestASmallInputIsFedBeforeAnyoneLooks(t *testing.T) {
	t.Parallel()
	ready := make(chan struct{})
	close(ready)
	for range 100 {
		feeding := make(chan error, 1)
		feeding <- nil
		if err := wordcount.AwaitStream(ready, feeding); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-feeding:
			if err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatal("the end of the feeding was taken away")
		}
	}
	feeding := make(chan error, 1)
	feeding <- errors.ErrUnsupported
	if err := wordcount.AwaitStream(make(chan struct{}), feeding); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a feeding that fails before there is a stream: %v", err)
	}
}
