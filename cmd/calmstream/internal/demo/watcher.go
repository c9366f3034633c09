package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// result is a message of a stream of results.
type result struct {
	verdict, key string
	window       span
	stored       time.Time // by the clock of the server
	payload      []byte
}

// span is a window of event time.
type span struct{ start, end time.Time }

// String renders the span by the local clock: 22:41:02–04.
func (s span) String() string {
	return s.start.Local().Format("15:04:05") + "–" + s.end.Local().Format("05")
}

// watcher reads one stream of results, each message once and in order.
type watcher struct {
	stream jetstream.Stream
	name   string
	take   func(result) error
	last   uint64 // the sequence of the last message that was taken
}

func newWatcher(ctx context.Context, js jetstream.JetStream, stream string, take func(result) error) (*watcher, error) {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("the stream %s cannot be watched: %w", stream, err)
	}
	return &watcher{stream: s, name: stream, take: take}, nil
}

// follow takes messages as they come, until ctx ends.
func (w *watcher) follow(ctx context.Context) error {
	err := w.read(ctx)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("the stream %s cannot be watched: %w", w.name, err)
	}
	return nil
}

func (w *watcher) read(ctx context.Context) error {
	consumer, err := w.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if err := w.handle(meta.Sequence.Stream, meta.Timestamp, m.Headers(), m.Data()); err != nil {
			return err
		}
	}
}

// finish takes what the stream holds beyond what was followed.
func (w *watcher) finish(ctx context.Context) error {
	info, err := w.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("the end of stream %s cannot be found: %w", w.name, err)
	}
	for seq := w.last + 1; seq <= info.State.LastSeq; seq++ {
		m, err := w.stream.GetMsg(ctx, seq)
		if err == nil {
			err = w.handle(seq, m.Time, m.Header, m.Data)
		}
		if err != nil {
			return fmt.Errorf("stream %s: %w", w.name, err)
		}
	}
	return nil
}

func (w *watcher) handle(seq uint64, stored time.Time, header nats.Header, payload []byte) error {
	if seq <= w.last {
		return nil
	}
	r := result{verdict: header.Get(sinks.VerdictHeader), stored: stored, payload: payload}
	var known bool
	if r.key, known = sinks.KeyFromHeader(header.Get(sinks.KeyHeader)); !known {
		return fmt.Errorf("message %d has no readable %s", seq, sinks.KeyHeader)
	}
	var err error
	if r.window, err = parseSpan(header.Get(sinks.WindowHeader)); err != nil {
		return fmt.Errorf("message %d: %w", seq, err)
	}
	if err := w.take(r); err != nil {
		return fmt.Errorf("message %d: %w", seq, err)
	}
	w.last = seq
	return nil
}

var errSpan = errors.New("the window is no ISO 8601 interval")

// parseSpan reads the header Calm-Window.
func parseSpan(text string) (s span, err error) {
	start, end, found := strings.Cut(text, "/")
	if !found {
		return s, fmt.Errorf("%w: %q", errSpan, text)
	}
	for _, part := range []struct {
		text string
		to   *time.Time
	}{{start, &s.start}, {end, &s.end}} {
		if *part.to, err = time.Parse(time.RFC3339Nano, part.text); err != nil {
			return s, fmt.Errorf("%w: %q", errSpan, text)
		}
	}
	return s, nil
}
