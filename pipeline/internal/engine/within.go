package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/nats-io/nats.go/jetstream"
)

// within sets where an input begins and ends, as far as that is not with the first message of the stream and never. What is said there
// depends on the moment, so that it is resolved once, for the start record.
func (e *engine) within(ctx context.Context, source *plan.SourceSpec, state *jetstream.StreamState, begin *LogStart) error {
	var err error
	switch from := source.From; {
	case from.New:
		begin.After = max(begin.After, state.LastSeq)
	case from.Seq > 0:
		if begin.After >= from.Seq {
			return fmt.Errorf("stream %q begins at sequence %d, so that it cannot be read from %d, where Source.StartSequence wants to begin; set it to what is there, or to 0 for all of it", source.Stream, begin.After+1, from.Seq)
		}
		if from.Seq > state.LastSeq+1 {
			return fmt.Errorf("stream %q ends at sequence %d, so that it cannot be read from %d, where Source.StartSequence wants to begin; set it to %d at most, or use StartNew for what comes", source.Stream, state.LastSeq, from.Seq, state.LastSeq+1)
		}
		begin.After = from.Seq - 1
	case !from.Time.IsZero():
		begin.After, err = e.before(ctx, source.Stream, from.Time, begin.After, state.LastSeq)
	}
	if source.Bounded {
		last := state.LastSeq
		begin.Last = &last
	}
	return err
}

// before returns the sequence of the last message of a stream that was stored before an instant, at least after. Store times do not go
// back along a stream, so that it is found by halving, with as many requests as the number of messages has binary digits.
func (e *engine) before(ctx context.Context, stream string, instant time.Time, after, last uint64) (uint64, error) {
	for after < last {
		middle := after + (last-after+1)/2 // after < middle <= last
		msg, err := e.message(ctx, stream, map[string]any{"seq": middle, "next_by_subj": ">"})
		if err != nil {
			return 0, fmt.Errorf("where stream %q was at %s cannot be found: %w", stream, instant.UTC().Format(time.RFC3339Nano), err)
		}
		if msg.Seq > 0 && msg.Seq <= last && msg.Time.Before(instant) {
			after = msg.Seq
		} else { // nothing from the middle on is before the instant
			last = middle - 1
		}
	}
	return after, nil
}
