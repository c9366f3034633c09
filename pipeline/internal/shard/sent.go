package shard

import (
	"context"
	"errors"
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/exchange"
)

// ErrRecordsLost is wrapped by the error of a shard behind an exchange that has lost records which its senders had stored there.
var ErrRecordsLost = errors.New("shard: the exchange has lost records that were stored")

// Sent is what the checkpoints of its producers say of a shard behind an exchange. They come after what was sent is stored, so that all of it
// stands in the log, if nothing was lost. The log itself cannot say so: where its end is gone its beginning is whole,
// and a record that comes behind one that is missing is only waited for.
type Sent struct {
	// At is a sequence of the log at or before which it all stands.
	At uint64
	// Next is the number of the first record of each producer that is not stored yet.
	Next []uint64
	// Ended says of each producer that the end of its input is stored.
	Ended []bool
}

// SentTo reads from a checkpoint of a shard of one stage the number of the next record to each partition of another.
func SentTo(f checkpoint.Fence, from, to *plan.Stage) ([]uint64, error) {
	d := newDigest(1)
	_, rest, err := d.restore(f.Meta)
	if err != nil {
		return nil, err
	}
	for _, stage := range from.To {
		s := exchange.NewSender(0, stage.Shards, nil)
		if rest, err = s.RestoreState(rest); err != nil {
			return nil, err
		}
		if stage == to {
			return s.Next(), nil
		}
	}
	return nil, fmt.Errorf("%w: %s sends nothing to %s", errState, from.Name, to.Name)
}

// complete checks that what the producers have sent has come, once the position is where it stands. What is missing must be missing
// from two statements: a leader that was just replaced may say that the log ends earlier than it does.
func (s *session) complete(ctx context.Context) error {
	if s.env.Sent == nil || s.Ended() {
		return nil
	}
	sent := s.env.Sent()
	if sent == nil || sent == s.sent || s.position.Seq < sent.At {
		return nil
	}
	s.sent = sent
	doubted := s.doubted
	s.doubted = nil
	if _, what := s.lacks(sent); what == "" {
		return nil
	}
	if doubted == nil {
		s.doubted = sent
		return nil
	}
	producer, what := s.lacks(doubted)
	if what == "" {
		s.doubted = sent
		return nil
	}
	if err := s.verify(ctx); err != nil { // what was purged is no loss if a newer checkpoint covers it
		return err
	}
	from, number := s.env.Stage.ProducerAt(producer)
	return fmt.Errorf("stage %s, shard %d: %w: %s of stage %s, shard %d, were stored up to sequence %d, as its checkpoint says, and are not there; restore the stream, or declare a new Version of the pipeline to begin anew",
		s.env.ID.Stage, s.env.ID.Shard, ErrRecordsLost, what, from.Name, number, doubted.At)
}

// lacks says what has not come of what a statement says, and of which producer; nothing if all has.
func (m *Machine) lacks(sent *Sent) (producer int, what string) {
	for i, next := range sent.Next {
		if have := m.receiver.Next(i); have < next {
			return i, fmt.Sprintf("records %d to %d", have, next-1)
		}
		if sent.Ended[i] && m.receiver.FrontierOf(i) != plan.End {
			return i, fmt.Sprintf("the end behind record %d", next-1)
		}
	}
	return 0, ""
}
