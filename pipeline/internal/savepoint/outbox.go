package savepoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
)

const (
	// patience is how long an export waits for the streams of outboxes, which copy what has left with checkpoints.
	patience = 10 * time.Second
	// lookEvery is the time between two looks.
	lookEvery = 100 * time.Millisecond
)

// delivered waits until what has left with the checkpoints is in the streams of its outboxes. It is not part of a savepoint: those streams have
// it, also if the pipeline goes on elsewhere, and in the file it would come to two. What has not left yet is in the state, and so in the file.
func (e *exporter) delivered(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		waiting, err := e.undelivered(ctx)
		if err != nil || len(waiting) == 0 {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("results wait in the state bucket for the streams of the outboxes %s, which do not take them; they would be lost with this server: "+
				"repair the streams first", strings.Join(waiting, ", "))
		}
	}
}

// undelivered returns the outboxes with outputs that no stream has taken, by what the streams say that source the bucket.
func (e *exporter) undelivered(ctx context.Context) (waiting []string, err error) {
	boxes, err := e.store.Outboxes(ctx)
	if err != nil || len(boxes) == 0 {
		return nil, err
	}
	behind := make(map[string]bool)
	streams := e.js.ListStreams(ctx)
	for info := range streams.Info() { // to the end, or its goroutine stays
		for i, source := range info.Config.Sources {
			if source.Name == jetstore.StateStream(e.pipeline) && i < len(info.Sources) {
				for _, t := range source.SubjectTransforms {
					if _, box, is := strings.Cut(strings.TrimSuffix(t.Source, ".>"), ".out."); is {
						behind[box] = behind[box] || !caughtUp(info.Sources, t)
					}
				}
			}
		}
	}
	if err := streams.Err(); err != nil && !errors.Is(err, jetstream.ErrEndOfData) {
		return nil, fmt.Errorf("which streams source the state bucket: %w", err)
	}
	return slices.DeleteFunc(boxes, func(box string) bool { late, known := behind[box]; return known && !late }), nil
}

// caughtUp says whether a source has no lag. One that is not connected does not know.
func caughtUp(all []*jetstream.StreamSourceInfo, by jetstream.SubjectTransformConfig) bool {
	return slices.ContainsFunc(all, func(s *jetstream.StreamSourceInfo) bool {
		return s.Lag == 0 && s.Active >= 0 && slices.Contains(s.SubjectTransforms, by)
	})
}
