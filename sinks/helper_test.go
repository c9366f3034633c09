package sinks_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// testContext ends long after any healthy test.
func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func testEnv(conn *nats.Conn) sinks.Env {
	return sinks.Env{Conn: conn, Pipeline: "test", Logger: slog.New(slog.DiscardHandler)}
}

func newJetStream(t testing.TB, conn *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// open opens a sink that must open, and closes its writer at the end of the test.
func open(t testing.TB, sink sinks.Sink, conn *nats.Conn) sinks.Writer {
	t.Helper()
	w, err := sink.Open(testContext(t), testEnv(conn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return w
}

// openError opens a sink that must not open and returns the error, which must hold all the words.
func openError(t testing.TB, sink sinks.Sink, conn *nats.Conn, words ...string) {
	t.Helper()
	w, err := sink.Open(testContext(t), testEnv(conn))
	if err == nil {
		_ = w.Close()
		t.Fatalf("%#v opens", sink)
	}
	wantWords(t, err, append(words, "sinks: ")...)
}

func wantWords(t testing.TB, err error, words ...string) {
	t.Helper()
	for _, word := range words {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not mention %q: %v", word, err)
		}
	}
}

func wantPermanent(t testing.TB, err error, permanent bool) {
	t.Helper()
	if err == nil {
		t.Fatal("there is no error")
	}
	if errors.Is(err, sinks.ErrPermanent) != permanent {
		t.Errorf("errors.Is(err, ErrPermanent) is %v for: %v", !permanent, err)
	}
}

// result returns a final result about a key.
func result(id, path, payload string) sinks.Record {
	return sinks.Record{ID: id, Verdict: crdt.Final, Key: "k", Path: path, Payload: []byte(payload)}
}

// readStream returns all messages of a stream as records.
func readStream(js jetstream.JetStream, stream string) ([]sinks.Record, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	s, err := js.Stream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	consumer, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return nil, err
	}
	var all []sinks.Record
	for count := int(s.CachedInfo().State.Msgs); len(all) < count; {
		batch, err := consumer.Fetch(count-len(all), jetstream.FetchContext(ctx))
		if err != nil {
			return nil, err
		}
		for m := range batch.Messages() {
			r, err := recordOf(m.Headers(), m.Data())
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.Subject(), err)
			}
			all = append(all, r)
		}
		if err := batch.Error(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// recordOf rebuilds a record from a message.
func recordOf(h nats.Header, payload []byte) (sinks.Record, error) {
	verdict, err := verdictOf(h.Get(sinks.VerdictHeader))
	if err != nil {
		return sinks.Record{}, err
	}
	key, ok := sinks.KeyFromHeader(h.Get(sinks.KeyHeader))
	if !ok {
		key = h.Get(sinks.KeyHeader)
	}
	return sinks.Record{
		ID:       h.Get(sinks.IDHeader),
		Verdict:  verdict,
		Key:      key,
		Window:   h.Get(sinks.WindowHeader),
		Frontier: h.Get(sinks.FrontierHeader),
		Pipeline: h.Get(sinks.PipelineHeader),
		Payload:  payload,
	}, nil
}

func verdictOf(word string) (crdt.Verdict, error) {
	for v := crdt.Provisional; v <= crdt.Final; v++ {
		if v.String() == word {
			return v, nil
		}
	}
	return 0, fmt.Errorf("%q is no verdict", word)
}
