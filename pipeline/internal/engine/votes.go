package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/backlog"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"github.com/nats-io/nats.go/jetstream"
)

// nearby is how many messages before the beginning are looked through first.
const nearby = 1 << 10

// votesBefore says of each shard of an input with registered producers what they had published before the beginning. A promise of each
// has to tell, which is looked for before the beginning, further and further back, and behind it where the stream has lost what was
// before.
func (e *engine) votesBefore(ctx context.Context, stage *plan.Stage, begin LogStart) ([][]byte, error) {
	if begin.After == 0 {
		return nil, nil
	}
	stream, err := e.js.Stream(ctx, begin.Stream)
	if err != nil {
		return nil, fmt.Errorf("the stream %q that %s reads cannot be looked up: %w", begin.Stream, stage.Name, err)
	}
	first := max(1, stream.CachedInfo().State.FirstSeq)
	for back := uint64(nearby); ; back *= 4 {
		s := surveyor{stage: stage, from: first, after: begin.After}
		if begin.After > first+back {
			s.from = begin.After - back
		}
		all := s.from == first
		for range stage.Root.Source.Filters {
			s.shards = append(s.shards, seal.NewSurvey(stage.Root.Source.Producers, all && first == 1))
		}
		if err := s.read(ctx, stream, all); err != nil {
			return nil, fmt.Errorf("what the producers of the stream %q that %s reads have published before cannot be looked up: %w", begin.Stream, stage.Name, err)
		}
		unknown := s.unknown()
		switch {
		case len(unknown) == 0:
			return s.states(), nil
		case all:
			return nil, fmt.Errorf("the stream %q that %s reads has lost its messages before %d, and what is left does not say how many records some producers had published: there is no promise of %s; let each of them seal something (producer.Seal), and start again; leave those that never will out of Source.Producers", begin.Stream, stage.Name, first, strings.Join(unknown, ", "))
		}
	}
}

// surveyor reads a stream around the place behind which a stage begins.
type surveyor struct {
	stage       *plan.Stage
	from, after uint64
	shards      []*seal.Survey
	begun       bool
}

// read reads up to the place and, if that is to be, on until everything is known or the stream has no more.
func (s *surveyor) read(ctx context.Context, stream jetstream.Stream, on bool) error {
	defer s.begin()
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: s.from})
	if err != nil {
		return err
	}
	return backlog.Each(ctx, consumer, func(msg jetstream.Msg, seq uint64) (more bool, err error) {
		if seq > s.after {
			if s.begin(); !on || len(s.unknown()) == 0 {
				return false, nil
			}
		}
		for i, filter := range s.stage.Root.Source.Filters {
			if filter == "" || plan.Overlap(filter, msg.Subject()) {
				s.shards[i].Message(seq, msg.Headers(), msg.Data())
			}
		}
		return true, nil
	})
}

func (s *surveyor) begin() {
	if !s.begun {
		s.begun = true
		for _, shard := range s.shards {
			shard.Begin()
		}
	}
}

// unknown returns the producers of which it is not known what they had published, for people.
func (s *surveyor) unknown() (names []string) {
	for i, shard := range s.shards {
		for _, name := range shard.Unknown() {
			names = append(names, fmt.Sprintf("%q in shard %d", name, i))
		}
	}
	return names
}

func (s *surveyor) states() (all [][]byte) {
	for _, shard := range s.shards {
		all = append(all, shard.AppendState(nil))
	}
	return all
}

// votes returns what is known of the producers of a shard at the beginning, nil if none had published anything.
func (l LogStart) votes(shard int) []byte {
	if shard < len(l.Votes) {
		return l.Votes[shard]
	}
	return nil
}
