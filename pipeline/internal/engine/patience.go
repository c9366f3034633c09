package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/source"
	"github.com/nats-io/nats.go"
)

const (
	// fewAttempts is for a beginning, where a missing permission looks like a server that is slow; forEver is for what has
	// worked before: a pipeline waits for its server.
	fewAttempts = 5
	forEver     = 0

	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// patiently does what may be done several times, again, if the server has not answered. That says little about the
// server: a process that was stopped for a while, or a machine that slept, finds the time for the answer over.
func patiently(ctx context.Context, logger *slog.Logger, attempts int, do func() error) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := do()
		if err == nil || ctx.Err() != nil || attempt == attempts || !unanswered(err) {
			return err
		}
		logger.Warn("the server has not answered in time; trying again", "attempt", attempt, "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		pause = min(2*pause, lastPause)
	}
}

func unanswered(err error) bool {
	for _, known := range []error{source.ErrUnavailable, context.DeadlineExceeded, nats.ErrTimeout, nats.ErrDisconnected, nats.ErrConnectionReconnecting} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
