package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/backlog"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"github.com/nats-io/nats.go/jetstream"
)

// cutsBefore says of each shard of an input which recorded cut was the last before the beginning. The markers that said so are gone
// if the stream has lost its first messages, so that the first one that is left has to tell: what comes before it belongs to
// it. Markers of one cut stand together, in all shards; where the stream begins in the middle of them, a shard without one has
// had it.
func (e *engine) cutsBefore(ctx context.Context, stage *plan.Stage, begin LogStart) ([]int64, error) {
	if begin.After == 0 {
		return nil, nil
	}
	found, err := e.firstMarkers(ctx, stage, begin)
	if err != nil {
		return nil, fmt.Errorf("the recorded cuts of the stream %q that %s reads cannot be looked up: %w", begin.Stream, stage.Name, err)
	}
	first := slices.Max(found)
	if first == 0 {
		return nil, fmt.Errorf("the stream %q that %s reads has lost its messages up to %d and holds no marker of a recorded cut, so that it is not known which cut what is left belongs to; make the next cut (producer.Cut), and start again", begin.Stream, stage.Name, begin.After)
	}
	for i, n := range found {
		if found[i] = first; n == first {
			found[i] = first - 1
		}
	}
	return found, nil
}

// firstMarkers returns, for each shard, the number of the first marker behind the beginning, or 0 if it has none of that cut.
func (e *engine) firstMarkers(ctx context.Context, stage *plan.Stage, begin LogStart) ([]int64, error) {
	filters := stage.Root.Source.Filters
	found, first := make([]int64, len(filters)), int64(0)
	stream, err := e.js.Stream(ctx, begin.Stream)
	if err != nil {
		return nil, err
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: begin.After + 1, HeadersOnly: true,
	})
	if err != nil {
		return nil, err
	}
	err = backlog.Each(ctx, consumer, func(msg jetstream.Msg, _ uint64) (more bool, err error) {
		if n, ok := marker(msg); ok {
			if first != 0 && n != first {
				return false, nil
			}
			first = n
			for i, filter := range filters {
				if filter == "" || plan.Overlap(filter, msg.Subject()) {
					found[i] = n
				}
			}
		}
		return slices.Contains(found, 0), nil
	})
	return found, err
}

// marker reads the number of a recorded cut. A marker that is not understood is none: no shard will count it either.
func marker(msg jetstream.Msg) (number int64, ok bool) {
	if msg.Headers().Get(seal.Header) != seal.Cut {
		return 0, false
	}
	number, err := seal.ReadCut(msg.Headers())
	return number, err == nil
}

// cut returns the number of the last recorded cut before the beginning of a shard, 0 if there was none.
func (l LogStart) cut(shard int) int64 {
	if shard < len(l.Cuts) {
		return l.Cuts[shard]
	}
	return 0
}
