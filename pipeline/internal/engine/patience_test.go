package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/engine"
	"github.com/calmstream/calmstream/pipeline/internal/source"
	"github.com/nats-io/nats.go"
)

var errRefused = errors.New("refused")

func TestWhatIsNotAnsweredIsAskedAgain(t *testing.T) {
	t.Parallel()
	late := fmt.Errorf("making a stream: %w", context.DeadlineExceeded)
	for _, c := range []struct {
		name    string
		answers []error // the last one stands for all that follow
		calls   int
		want    error
	}{
		{"at once", []error{nil}, 1, nil},
		{"late", []error{late, nats.ErrTimeout, nats.ErrDisconnected, nil}, 4, nil},
		{"refused", []error{late, errRefused}, 2, errRefused},
		{"unavailable", []error{fmt.Errorf("reading: %w", source.ErrUnavailable), nil}, 2, nil},
		{"never", []error{late}, engine.FewAttempts, context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				err := engine.Patiently(t.Context(), slog.New(slog.DiscardHandler), engine.FewAttempts, func() error {
					calls++
					return c.answers[min(calls, len(c.answers))-1]
				})
				if calls != c.calls || !errors.Is(err, c.want) {
					t.Errorf("it was done %d times, not %d: %v, want %v", calls, c.calls, err, c.want)
				}
			})
		})
	}
}

func TestPatienceEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		calls := 0
		err := engine.Patiently(ctx, slog.New(slog.DiscardHandler), engine.ForEver, func() error {
			calls++
			return nats.ErrTimeout
		})
		if calls < 700 || calls > 800 || !errors.Is(err, nats.ErrTimeout) || ctx.Err() == nil {
			t.Errorf("it was done %d times in an hour, not about every five seconds: %v", calls, err)
		}
	})
}
