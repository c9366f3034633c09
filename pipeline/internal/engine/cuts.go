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

// cutsBefore says of each shard of an input which recorded cut was the last before the beginning. The last marker before it says so; where
// the stream has lost its first messages that may be gone, so that the first one that is left has to tell: what comes before it belongs to
// it. Markers of one cut stand together, in all shards; where the input begins in the middle of them, a shard without one has
// had it.
func (e *engine) cutsBefore(ctx context.Context, stage *plan.Stage, begin LogStart) ([]int64, error) {
	if begin.After == 0 {
		return nil, nil
	}
	found, known, err := e.lastMarkers(ctx, stage, begin)
	if err == nil && known {
		return found, nil
	}
	if err == nil {
		found, err = e.firstMarkers(ctx, stage, begin)
	}
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

// lastMarkers returns, for each shard, the number of the last marker before the beginning, and whether they are known: they are not if the stream
// has lost messages and what is left of those has none. They are looked for further and further back.
func (e *engine) lastMarkers(ctx context.Context, stage *plan.Stage, begin LogStart) (found []int64, known bool, err error) {
	filters := stage.Root.Source.Filters
	stream, err := e.js.Stream(ctx, begin.Stream)
	if err != nil {
		return nil, false, err
	}
	first := max(1, stream.CachedInfo().State.FirstSeq)
	for back := uint64(nearby); first <= begin.After; back *= 4 {
		from := first
		if begin.After > first+back {
			from = begin.After - back
		}
		found = make([]int64, len(filters))
		if err := e.markers(ctx, stream, from, func(msg jetstream.Msg, seq uint64, n int64) (more bool) {
			for i, filter := range filters {
				if seq <= begin.After && n > 0 && (filter == "" || plan.Overlap(filter, msg.Subject())) {
					found[i] = max(found[i], n)
				}
			}
			return seq < begin.After
		}); err != nil {
			return nil, false, err
		}
		if !slices.Contains(found, 0) {
			return found, true, nil
		}
		if from > first {
			continue
		}
		last := slices.Max(found)
		for i, n := range found { // the stream begins, or the input does, in the middle of a cut's markers
			if n == 0 && last > 0 {
				found[i] = last - 1
			}
		}
		return found, first == 1 || last > 0, nil
	}
	return nil, false, nil
}

// markers calls each with the messages of a stream from a sequence on, and the number of the cut whose marker it is, 0 if it is none.
func (e *engine) markers(ctx context.Context, stream jetstream.Stream, from uint64, each func(msg jetstream.Msg, seq uint64, n int64) (more bool)) error {
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from, HeadersOnly: true})
	if err != nil {
		return err
	}
	return backlog.Each(ctx, consumer, func(msg jetstream.Msg, seq uint64) (bool, error) {
		n, ok := marker(msg)
		if !ok {
			n = 0
		}
		return each(msg, seq, n), nil
	})
}

// firstMarkers returns, for each shard, the number of the first marker behind the beginning, or 0 if it has none of that cut.
func (e *engine) firstMarkers(ctx context.Context, stage *plan.Stage, begin LogStart) ([]int64, error) {
	filters := stage.Root.Source.Filters
	found, first := make([]int64, len(filters)), int64(0)
	stream, err := e.js.Stream(ctx, begin.Stream)
	if err != nil {
		return nil, err
	}
	err = e.markers(ctx, stream, begin.After+1, func(msg jetstream.Msg, _ uint64, n int64) (more bool) {
		if n == 0 {
			return true
		}
		if first != 0 && n != first {
			return false
		}
		first = n
		for i, filter := range filters {
			if filter == "" || plan.Overlap(filter, msg.Subject()) {
				found[i] = n
			}
		}
		return slices.Contains(found, 0)
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
