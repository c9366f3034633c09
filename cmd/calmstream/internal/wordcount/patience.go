package wordcount

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	attempts = 3
	pause    = 200 * time.Millisecond
)

// patiently asks again if the server has not answered in time. A process that was stopped for a while finds the time
// for an answer over, whatever the server did.
func patiently(ctx context.Context, logger *slog.Logger, ask func() error) error {
	for attempt := 1; ; attempt++ {
		err := ask()
		late := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrDisconnected)
		if !late || ctx.Err() != nil || attempt == attempts {
			return err
		}
		logger.Warn("the server has not answered in time; asking again", "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}
