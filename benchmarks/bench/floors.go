//go:build unix

package main

import (
	"context"
	"errors"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
	"github.com/calmstream/calmstream/benchmarks/internal/floor"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Names of the floors.
const (
	bareName    = "bare"
	orderedName = "ordered"
	publishName = "publish"
)

// floors are the contenders that do the least, in every workload that reads a stream.
func floors() []entry {
	return []entry{
		{name: bareName, kind: floorKind, promise: "none: reads and looks at nothing", reads: true, run: bare},
		{name: orderedName, kind: floorKind, promise: "none: reads and looks at nothing", reads: true, run: ordered},
		{name: publishName, kind: floorKind, promise: "stores each message, with its acknowledgement", reads: true, run: publish},
	}
}

// bare reads the input with a pull reader by hand.
func bare(ctx context.Context, b *contest.Bout) error {
	return loop(ctx, b, func(*nats.Msg) {})
}

// loop is bare with something done for each message.
func loop(ctx context.Context, b *contest.Bout, each func(*nats.Msg)) error {
	nc, err := b.Connect()
	if err != nil {
		return err
	}
	n := uint64(0)
	b.Begin()
	err = floor.Pull(ctx, nc, b.Stream, b.Messages, func(m *nats.Msg) {
		n++
		each(m)
	})
	b.End()
	b.Number("read_seconds", b.Seconds)
	b.Count(messagesFound, n)
	return err
}

// ordered reads the input with the ordered consumer of nats.go.
func ordered(ctx context.Context, b *contest.Bout) error {
	nc, err := b.Connect()
	if err != nil {
		return err
	}
	n := uint64(0)
	b.Begin()
	err = floor.Ordered(ctx, nc, b.Stream, b.Messages, func(jetstream.Msg) { n++ })
	b.End()
	b.Count(messagesFound, n)
	return err
}

// publish stores as many messages as the input has, each as large as the input's first one.
func publish(ctx context.Context, b *contest.Bout) error {
	nc, err := b.Connect()
	if err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	in, err := js.Stream(ctx, b.Stream)
	if err != nil {
		return err
	}
	first, err := in.GetMsg(ctx, 1)
	if err != nil {
		return err
	}
	out, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: b.Run, Subjects: []string{b.Run + ".*"}})
	if err != nil {
		return err
	}
	p, err := floor.NewPublisher(nc)
	if err != nil {
		return err
	}
	b.Begin()
	for range b.Messages {
		if err = p.Publish(&nats.Msg{Subject: b.Run + ".copy", Data: first.Data}); err != nil {
			break
		}
	}
	err = errors.Join(err, p.Flush(ctx))
	b.End()
	if err != nil {
		return err
	}
	info, err := out.Info(ctx)
	if err != nil {
		return err
	}
	b.Count(messagesFound, info.State.Msgs)
	return nil
}

// countLoop is the loop that somebody would write by hand: no state is kept, nothing survives.
func countLoop(ctx context.Context, b *contest.Bout, keys func(m *nats.Msg, count func(key string))) error {
	counts := make(map[string]*uint64)
	var err error
	add := func(key string) {
		n := counts[key]
		if n == nil {
			n = new(uint64)
			counts[key] = n
		}
		*n++
	}
	err = loop(ctx, b, func(m *nats.Msg) { keys(m, add) })
	clear(b.Found)
	for key, n := range counts {
		b.Count(key, *n)
	}
	return err
}
