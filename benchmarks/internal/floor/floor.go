// Package floor has the least that a Go program can do to read a stream, or to fill one: what others are measured against.
package floor

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Pull reads messages of a stream in order and calls each for every one with a payload: a pull reader by hand on an
// ordinary connection, with large batches and without acknowledgements.
func Pull(ctx context.Context, nc *nats.Conn, stream string, messages int, each func(*nats.Msg)) error {
	const batch, window = 4096, 2
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	consumer, err := js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true})
	if err != nil {
		return err
	}
	name := consumer.CachedInfo().Name
	inbox := nats.NewInbox()
	ch := make(chan *nats.Msg, batch*(window+1))
	sub, err := nc.ChanSubscribe(inbox, ch)
	if err != nil {
		return err
	}
	request, err := json.Marshal(map[string]any{"batch": batch, "expires": 30 * time.Second})
	if err != nil {
		return err
	}
	next := fmt.Sprintf("$JS.API.CONSUMER.MSG.NEXT.%s.%s", stream, name)
	for range window {
		if err := nc.PublishRequest(next, inbox, request); err != nil {
			return err
		}
	}
	done := ctx.Done()
	for got, inBatch := 0, 0; got < messages; {
		var m *nats.Msg
		select {
		case m = <-ch:
		case <-done:
			return fmt.Errorf("%d of %d messages came: %w", got, messages, ctx.Err())
		}
		if len(m.Data) == 0 {
			continue // a status
		}
		each(m)
		got++
		if inBatch++; inBatch == batch {
			inBatch = 0
			if err := nc.PublishRequest(next, inbox, request); err != nil {
				return err
			}
		}
	}
	if err := sub.Unsubscribe(); err != nil {
		return err
	}
	return js.DeleteConsumer(ctx, stream, name)
}

// Ordered reads as Pull does, with the ordered consumer of nats.go.
func Ordered(ctx context.Context, nc *nats.Conn, stream string, messages int, each func(jetstream.Msg)) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	consumer, err := js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	it, err := consumer.Messages(jetstream.PullMaxMessages(4096))
	if err != nil {
		return err
	}
	defer it.Stop()
	for got := 0; got < messages; {
		m, err := it.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("%d of %d messages came: %w", got, messages, err)
		}
		if len(m.Data()) == 0 {
			continue
		}
		each(m)
		got++
	}
	return nil
}

// Publisher fills a stream as fast as the server acknowledges.
type Publisher struct {
	js     jetstream.JetStream
	failed chan error // the first
}

// NewPublisher makes a Publisher on a connection.
func NewPublisher(nc *nats.Conn) (*Publisher, error) {
	p := &Publisher{failed: make(chan error, 1)}
	var err error
	p.js, err = jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(4096), jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, _ *nats.Msg, err error) {
		select {
		case p.failed <- err:
		default:
		}
	}))
	return p, err
}

// Publish sends a message. The data must not be changed afterwards.
func (p *Publisher) Publish(m *nats.Msg) error {
	_, err := p.js.PublishMsgAsync(m, jetstream.WithStallWait(time.Minute))
	return err
}

// Flush waits until all are stored.
func (p *Publisher) Flush(ctx context.Context) error {
	select {
	case <-p.js.PublishAsyncComplete():
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-p.failed:
		return fmt.Errorf("a message was not stored: %w", err)
	default:
		return nil
	}
}
