package demo

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/calmstream/calmstream/cmd/internal/adclicks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	feedEvery = 10 * time.Millisecond
	// feedBatch is how many messages are published between two looks at the clock.
	feedBatch = 500
	// maxPending bounds the messages without an acknowledgement, and ackWait the time for one.
	maxPending = 4096
	ackWait    = 10 * time.Second
	// overtime is how long a feeder that cannot keep up with its rate goes on behind its time.
	overtime = 3 * time.Second
)

// feeder publishes generated events at their time, and counts them itself.
type feeder struct {
	conn   *nats.Conn
	config adclicks.Config
	load   adclicks.Load
	length time.Duration
	// tally belongs to run until that has returned.
	tally     *adclicks.Tally
	published atomic.Uint64
	ending    atomic.Bool
	// behind says that time was over before all events of that time were published.
	behind bool
}

func newFeeder(conn *nats.Conn, c adclicks.Config, l adclicks.Load, length time.Duration) *feeder {
	return &feeder{conn: conn, config: c, load: l, length: length, tally: adclicks.NewTally(c)}
}

// run feeds until its length is over or ctx ends, and then publishes the end of the input. It fails as soon as an event is not
// stored, and when work ends.
func (f *feeder) run(ctx, work context.Context) error {
	lost := make(chan error, 1)
	js, err := jetstream.New(f.conn, jetstream.WithPublishAsyncMaxPending(maxPending), jetstream.WithPublishAsyncTimeout(ackWait),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, _ *nats.Msg, err error) {
			select {
			case lost <- err:
			default: // one is enough
			}
		}))
	if err != nil {
		return err
	}
	if err := f.feed(ctx, work, js, lost); err != nil {
		return err
	}
	f.ending.Store(true)
	select {
	case <-js.PublishAsyncComplete():
	case <-work.Done():
		return context.Cause(work)
	}
	select {
	case err := <-lost:
		return notStored(err)
	default:
		return adclicks.End(work, js, f.config)
	}
}

// feed publishes events until there is to be no more of them.
func (f *feeder) feed(ctx, work context.Context, js jetstream.JetStream, lost <-chan error) error {
	tick := time.NewTicker(feedEvery)
	defer tick.Stop()
	events := adclicks.NewGenerator(f.load)
	next := events.Next()
	for ctx.Err() == nil && work.Err() == nil {
		now := time.Now()
		n := 0
		for ; n < feedBatch && !next.Due.After(now); n++ {
			if f.over(next.Due, now) {
				f.behind = !f.over(next.Due, next.Due) // by the clock alone
				return nil
			}
			if err := f.publish(js, next); err != nil {
				return notStored(err)
			}
			next = events.Next()
		}
		if n == feedBatch {
			continue // behind: no pause
		}
		select {
		case <-tick.C:
		case err := <-lost:
			return notStored(err)
		case <-ctx.Done():
		case <-work.Done():
		}
	}
	return context.Cause(work)
}

// over says whether an event that is due then is beyond the end.
func (f *feeder) over(due, now time.Time) bool {
	if f.length == 0 {
		return false
	}
	end := f.load.Start.Add(f.length)
	return !due.Before(end) || now.After(end.Add(overtime))
}

// publish sends a message. What is sent on one connection is stored in that order; a second attempt would break it.
func (f *feeder) publish(js jetstream.JetStream, m adclicks.Message) error {
	f.tally.Add(m)
	_, err := js.PublishAsync(f.config.EventSubject(m.Partition), m.Payload, jetstream.WithStallWait(ackWait), jetstream.WithRetryAttempts(0))
	if err == nil {
		f.published.Add(1)
	}
	return err
}

func notStored(err error) error {
	if errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("an event could not be published: %w", err)
	}
	return fmt.Errorf("the server has not stored an event, so the count would be wrong: %w; try a lower --rate", err)
}
