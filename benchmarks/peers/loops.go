//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-nats/v2/pkg/jetstream"
	"github.com/calmstream/calmstream/benchmarks/internal/contest"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/reugn/go-streams/extension"
	"github.com/reugn/go-streams/flow"
)

// ahead is how many messages may be on their way without an acknowledgement: enough that nobody waits for the server.
const ahead = 16_384

// newConsumer makes a consumer whose messages are acknowledged one by one.
func newConsumer(ctx context.Context, js natsjs.JetStream, stream string) (natsjs.Consumer, error) {
	return js.CreateConsumer(ctx, stream, natsjs.ConsumerConfig{AckPolicy: natsjs.AckExplicitPolicy, MaxAckPending: ahead, MemoryStorage: true})
}

// adOf is the key of an event.
func adOf(data []byte) (string, error) {
	var e contest.Event
	err := json.Unmarshal(data, &e)
	return e.Ad, err
}

// tally counts until all messages have been seen.
type tally struct {
	mu     sync.Mutex
	counts map[string]uint64
	left   int
	err    error
	done   chan struct{}
}

func newTally(messages int) *tally {
	return &tally{counts: make(map[string]uint64), left: messages, done: make(chan struct{})}
}

// add counts a key.
func (t *tally) add(key string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = errors.Join(t.err, err)
	t.counts[key]++
	if t.left--; t.left == 0 {
		close(t.done)
	}
}

// wait waits until everything is counted.
func (t *tally) wait(ctx context.Context) error {
	select {
	case <-t.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// natsLoop is a callback on a consumer of nats.go.
func natsLoop(ctx context.Context, b *contest.Bout) error {
	nc, err := b.Connect()
	if err != nil {
		return err
	}
	js, err := natsjs.New(nc)
	if err != nil {
		return err
	}
	t := newTally(b.Messages)
	b.Begin()
	consumer, err := newConsumer(ctx, js, b.Stream)
	if err != nil {
		return err
	}
	consuming, err := consumer.Consume(func(m natsjs.Msg) {
		if len(m.Data()) > 0 { // the end marker is none
			t.add(adOf(m.Data()))
		}
		if err := m.Ack(); err != nil {
			t.add("", err)
		}
	}, natsjs.PullMaxMessages(4096))
	if err != nil {
		return err
	}
	err = t.wait(ctx)
	b.End()
	consuming.Stop()
	b.Counts(t.counts)
	return err
}

// watermillLoop takes messages from two subscriptions of Watermill to one consumer, with asynchronous acknowledgements.
func watermillLoop(ctx context.Context, b *contest.Bout) error {
	nc, err := b.Connect()
	if err != nil {
		return err
	}
	js, err := natsjs.New(nc)
	if err != nil {
		return err
	}
	t := newTally(b.Messages)
	b.Begin()
	consumer, err := newConsumer(ctx, js, b.Stream)
	if err != nil {
		return err
	}
	sub, err := jetstream.NewSubscriber(jetstream.SubscriberConfig{
		Conn: nc, Logger: watermill.NopLogger{}, AckAsync: true, ConsumeOptions: []natsjs.PullConsumeOpt{natsjs.PullMaxMessages(4096)},
		ResourceInitializer: func(context.Context, natsjs.JetStream, string) (natsjs.Consumer, func(context.Context, watermill.LoggerAdapter), error) {
			return consumer, nil, nil
		},
	})
	if err != nil {
		return err
	}
	for range 2 {
		messages, err := sub.Subscribe(ctx, b.Stream)
		if err != nil {
			return err
		}
		go func() {
			for m := range messages {
				if len(m.Payload) > 0 {
					t.add(adOf(m.Payload))
				}
				m.Ack()
			}
		}()
	}
	err = t.wait(ctx)
	b.End()
	b.Counts(t.counts)
	return errors.Join(err, sub.Close())
}

// goStreams runs a flow of go-streams. Its connector to JetStream has no release, so the channel at its beginning is fed as that one does it: a
// message is acknowledged once it has been handed on.
func goStreams(ctx context.Context, b *contest.Bout) error {
	nc, err := b.Connect()
	if err != nil {
		return err
	}
	js, err := natsjs.New(nc)
	if err != nil {
		return err
	}
	t := newTally(b.Messages)
	in, out := make(chan any, 4096), make(chan any, 4096)
	b.Begin()
	consumer, err := newConsumer(ctx, js, b.Stream)
	if err != nil {
		return err
	}
	consuming, err := consumer.Consume(func(m natsjs.Msg) {
		if len(m.Data()) > 0 {
			in <- m.Data()
		}
		if err := m.Ack(); err != nil {
			t.add("", err)
		}
	}, natsjs.PullMaxMessages(4096))
	if err != nil {
		return err
	}
	decode := flow.NewMap(func(data []byte) string {
		ad, err := adOf(data)
		if err != nil {
			return fmt.Sprint(err) // it shows in the counts
		}
		return ad
	}, 2)
	go func() {
		for ad := range out {
			if key, is := ad.(string); is {
				t.add(key, nil)
			}
		}
	}()
	go extension.NewChanSource(in).Via(decode).To(extension.NewChanSink(out))
	err = t.wait(ctx)
	b.End()
	consuming.Stop()
	b.Counts(t.counts)
	return err
}
