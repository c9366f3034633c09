package sinktest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
)

// bench is a sink under test and what a check needs to work on it.
type bench struct {
	t      testing.TB
	config Config
	sink   sinks.Sink
	read   func() ([]sinks.Record, error)
}

func newBench(t testing.TB, c Config) *bench {
	t.Helper()
	b := &bench{t: t, config: c}
	b.sink, b.read = c.New(t)
	return b
}

// open opens the sink over a connection of its own.
func (b *bench) open() (sinks.Writer, error) {
	w, _, err := b.openSink(b.sink)
	return w, err
}

func (b *bench) openSink(sink sinks.Sink) (sinks.Writer, *nats.Conn, error) {
	env := sinks.Env{Pipeline: "sinktest", Logger: slog.New(slog.DiscardHandler)}
	if b.config.Conn != nil {
		env.Conn = b.config.Conn(b.t)
	}
	opened := make(chan sinks.Writer, 1) // and not a variable, since a call that hangs may return later
	err := b.within("Open", func(ctx context.Context) error {
		w, err := sink.Open(ctx, env)
		opened <- w
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return <-opened, env.Conn, nil
}

// write writes the batches one after the other with one writer and closes it.
func (b *bench) write(batches ...[]sinks.Record) error {
	w, err := b.open()
	if err != nil {
		return err
	}
	for _, batch := range batches {
		if err := b.put(w, batch); err != nil {
			return errors.Join(err, b.closeWriter(w))
		}
	}
	return b.closeWriter(w)
}

// put writes one batch.
func (b *bench) put(w sinks.Writer, records []sinks.Record) error {
	return b.within("Write", func(ctx context.Context) error { return w.Write(ctx, records) })
}

// insist writes one batch as the engine does: an error that is not permanent is tried again.
func (b *bench) insist(w sinks.Writer, records []sinks.Record) (err error) {
	for range 10 {
		if err = b.put(w, records); err == nil || errors.Is(err, sinks.ErrPermanent) || errors.Is(err, errHangs) {
			return err
		}
	}
	return err
}

func (b *bench) closeWriter(w sinks.Writer) error {
	return b.within("Close", func(context.Context) error { return w.Close() })
}

var errHangs = errors.New("the call hangs")

// within calls f and returns its error, or errHangs if it does not return in time.
func (b *bench) within(what string, f func(context.Context) error) error {
	limit := cmp.Or(b.config.Limit, 30*time.Second)
	ctx, cancel := context.WithTimeout(context.Background(), limit-limit/4)
	defer cancel()
	returned := make(chan error, 1)
	go func() { returned <- f(ctx) }()
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case err := <-returned:
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	case <-late.C:
		return fmt.Errorf("%s has not returned after %v: %w", what, limit, errHangs)
	}
}

// shows compares what the destination shows with the results it has been given, in their order.
func (b *bench) shows(want []sinks.Record) error {
	got, err := b.read()
	if err != nil {
		return fmt.Errorf("reading the destination: %w", err)
	}
	for i := range want {
		if i >= len(got) {
			return fmt.Errorf("the destination shows %d records of %d: %q was lost", len(got), len(want), want[i].ID)
		}
		if got[i].ID != want[i].ID {
			return fmt.Errorf("record %d is %q and not %q: lost, shown twice or out of order", i, got[i].ID, want[i].ID)
		}
		if err := same(got[i], want[i]); err != nil {
			return err
		}
	}
	if len(got) > len(want) {
		return fmt.Errorf("the destination shows %d records of %d: %q is one too many", len(got), len(want), got[len(want)].ID)
	}
	return nil
}

// showsSet compares what the destination shows with the results it has been given in any order and several times. A durable
// destination shows each once; another one at least once, and always the same.
func (b *bench) showsSet(want []sinks.Record) error {
	got, err := b.read()
	if err != nil {
		return fmt.Errorf("reading the destination: %w", err)
	}
	byID := make(map[string]sinks.Record, len(want))
	for _, r := range want {
		byID[r.ID] = r
	}
	seen := make(map[string]bool, len(want))
	for _, r := range got {
		w, ok := byID[r.ID]
		if !ok {
			return fmt.Errorf("record %q was never written", r.ID)
		}
		if err := same(r, w); err != nil {
			return err
		}
		if seen[r.ID] && b.config.Features.Durable {
			return fmt.Errorf("record %q is shown twice", r.ID)
		}
		seen[r.ID] = true
	}
	for _, r := range want {
		if !seen[r.ID] {
			return fmt.Errorf("record %q was lost", r.ID)
		}
	}
	return nil
}

// same tells how a record that was read differs from the one that was written.
func same(got, want sinks.Record) error {
	differs := func(field, got, expected string) error {
		return fmt.Errorf("record %q has the %s %.100q and not %.100q", want.ID, field, got, expected)
	}
	hashed := sinks.HeaderKey(want.Key)
	switch {
	case got.ID != want.ID:
		return differs("ID", got.ID, want.ID)
	case got.Verdict != want.Verdict:
		return differs("Verdict", got.Verdict.String(), want.Verdict.String())
	case got.Key != want.Key && (!strings.HasPrefix(hashed, "~") || got.Key != hashed):
		return differs("Key", got.Key, want.Key)
	case got.Window != want.Window:
		return differs("Window", got.Window, want.Window)
	case got.Frontier != "" && got.Frontier != want.Frontier:
		return differs("Frontier", got.Frontier, want.Frontier)
	case got.Pipeline != "" && got.Pipeline != want.Pipeline:
		return differs("Pipeline", got.Pipeline, want.Pipeline)
	case !bytes.Equal(got.Payload, want.Payload):
		return differs("Payload", string(got.Payload), string(want.Payload))
	}
	return nil
}
