package savepoint

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/pipeline/internal/engine"
)

// filler is the subject of messages that stand for those of others, so that each record gets its own sequence.
func (i *importer) filler() string { return "calm.x." + i.sum.Pipeline + ".filler" }

// pad makes the exchange, if it is not made, so that it begins with the sequence first, and fills it up to the sequence last.
func (i *importer) pad(ctx context.Context, first, last uint64) error {
	if first == 0 {
		return errors.New("savepoint: the exchange is said to hold sequence 0")
	}
	if !i.made {
		if err := i.makeExchange(ctx, first); err != nil {
			return err
		}
		i.made, i.last = true, first-1
	}
	last = max(last, first-1)
	if last > i.last && last-i.last > maxGap {
		return fmt.Errorf("savepoint: %d sequences are missing in the exchange behind %d", last-i.last, i.last)
	}
	for i.last < last {
		if err := i.publish(ctx, nats.NewMsg(i.filler()), i.last+1); err != nil {
			return err
		}
		i.filled = true
	}
	return nil
}

// remakes is how often an exchange is made anew that does not begin as it should, and firstPause the first of the times in between, which
// double: a server that is busy takes a while to forget a stream.
const (
	remakes    = 9
	firstPause = 10 * time.Millisecond
)

// makeExchange makes an exchange that begins with the sequence first. A server that has just deleted a stream of the name may hand on its
// last sequence to the new one; then that is deleted too.
func (i *importer) makeExchange(ctx context.Context, first uint64) error {
	cfg := engine.ExchangeConfig(i.sum.Pipeline, i.Replicas)
	cfg.FirstSeq = first
	switch _, err := i.js.Stream(ctx, cfg.Name); {
	case err == nil: // whatever its settings
		return fmt.Errorf("savepoint: %w: the exchange of %s, stream %s; if nobody needs it: nats stream rm %s", ErrTaken, i.sum.Pipeline, cfg.Name, cfg.Name)
	case !errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("savepoint: the exchange cannot be looked up: %w", err)
	}
	for pause, left := firstPause, remakes; left > 0; pause, left = 2*pause, left-1 {
		stream, err := i.js.CreateStream(ctx, cfg)
		if err != nil {
			return fmt.Errorf("savepoint: the exchange cannot be made: %w", err)
		}
		state := stream.CachedInfo().State
		if state.Msgs == 0 && state.LastSeq == first-1 {
			return nil
		}
		if err := i.js.DeleteStream(ctx, cfg.Name); err != nil {
			return fmt.Errorf("savepoint: the exchange cannot be made: %w", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	return fmt.Errorf("savepoint: the exchange %s cannot be made: the server makes it with sequences that it has had before; try again", cfg.Name)
}

// publish stores a message, which must get the given sequence.
func (i *importer) publish(ctx context.Context, msg *nats.Msg, seq uint64) error {
	if seq != i.last+1 {
		return fmt.Errorf("savepoint: sequence %d of the exchange comes behind %d", seq, i.last)
	}
	ack, err := i.js.PublishMsg(ctx, msg, jetstream.WithExpectStream(engine.ExchangeStream(i.sum.Pipeline)))
	if err == nil && ack.Sequence != seq {
		err = fmt.Errorf("it got sequence %d", ack.Sequence)
	}
	if err != nil {
		return fmt.Errorf("savepoint: record %d of the exchange cannot be stored: %w", seq, err)
	}
	i.last = seq
	return nil
}

// moveExchange ends the exchange and returns when its stream was made, 0 if there is none.
func (i *importer) moveExchange(ctx context.Context) (created int64, err error) {
	if i.held == nil {
		return 0, nil
	}
	if err := i.pad(ctx, i.last+1, i.held.Last); err != nil {
		return 0, err
	}
	stream, err := i.js.Stream(ctx, engine.ExchangeStream(i.sum.Pipeline))
	if err == nil && i.filled {
		err = stream.Purge(ctx, jetstream.WithPurgeSubject(i.filler()))
	}
	if err != nil {
		return 0, fmt.Errorf("savepoint: the exchange: %w", err)
	}
	return stream.CachedInfo().Created.UnixNano(), nil
}
