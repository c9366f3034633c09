package sinks_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/pipeline/embedded"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// connect starts a server in this process and connects to it. Programs connect to theirs.
func connect() (conn *nats.Conn, stop func()) {
	dir, errDir := os.MkdirTemp("", "sinks")
	server, errStart := embedded.Start(context.Background(), embedded.Config{Dir: dir})
	if err := errors.Join(errDir, errStart); err != nil {
		log.Fatal(err)
	}
	conn, err := server.Conn()
	if err != nil {
		log.Fatal(err)
	}
	return conn, func() {
		conn.Close()
		server.Close()
		_ = os.RemoveAll(dir)
	}
}

// write opens a sink as the engine does, writes the records once, and closes it.
func write(sink sinks.Sink, conn *nats.Conn, records ...sinks.Record) error {
	ctx := context.Background()
	w, err := sink.Open(ctx, sinks.Env{Conn: conn, Pipeline: "ads", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return errors.Join(w.Write(ctx, records), w.Close())
}

// hot is a final result about one key and window.
var hot = sinks.Record{
	ID:       "9f3a/count/ad-7/2026-01-01T00:00:00Z",
	Verdict:  crdt.Final,
	Key:      "ad-7",
	Window:   "2026-01-01T00:00:00Z/PT1M",
	Pipeline: "ads",
	Path:     "e1.20260101T0000.ad-7",
	Payload:  []byte(`{"clicks":12}`),
}

func ExampleSubject() {
	conn, stop := connect()
	defer stop()

	sink := sinks.Subject{Name: "hot-ads", Stream: "ADS"}
	for range 3 { // three owners of one shard, or one that started again
		if err := write(sink, conn, hot); err != nil {
			fmt.Println(err)
		}
	}

	js, _ := jetstream.New(conn)
	stream, _ := js.Stream(context.Background(), "ADS")
	fmt.Println(stream.CachedInfo().State.Msgs, "message")
	message, _ := stream.GetMsg(context.Background(), 1)
	fmt.Println(message.Subject)
	fmt.Println(message.Header.Get(sinks.VerdictHeader), message.Header.Get(sinks.KeyHeader), string(message.Data))
	// Output:
	// 1 message
	// hot-ads.final.e1.20260101T0000.ad-7
	// final ad-7 {"clicks":12}
}

func ExampleConflictError() {
	conn, stop := connect()
	defer stop()

	sink := sinks.Subject{Name: "hot-ads", Stream: "ADS"}
	if err := write(sink, conn, hot); err != nil {
		fmt.Println(err)
	}
	other := hot
	other.Payload = []byte(`{"clicks":13}`)
	err := write(sink, conn, other)

	var conflict *sinks.ConflictError
	fmt.Println(errors.As(err, &conflict), errors.Is(err, sinks.ErrPermanent))
	fmt.Println(conflict.Subject)
	fmt.Println("stored ", conflict.StoredDigest)
	fmt.Println("refused", conflict.Digest)
	// Output:
	// true true
	// hot-ads.final.e1.20260101T0000.ad-7
	// stored  608da44cb258d998
	// refused 530d2db06ce0382b
}

func ExampleKeyValue() {
	conn, stop := connect()
	defer stop()

	if err := write(sinks.KeyValue{Bucket: "hot-ads"}, conn, hot); err != nil {
		fmt.Println(err)
	}

	js, _ := jetstream.New(conn)
	bucket, _ := js.KeyValue(context.Background(), "hot-ads")
	entry, _ := bucket.Get(context.Background(), "e1.20260101T0000.ad-7")
	fmt.Println(string(entry.Value()))
	// Output: {"clicks":12}
}

func ExampleView() {
	conn, stop := connect()
	defer stop()

	known := func(clicks uint64) sinks.Record { // what operators.Bounds makes
		return sinks.Record{
			ID: fmt.Sprint("9f3a/counts/global/ad-7/v", clicks), Verdict: crdt.LowerBound, Key: "ad-7",
			Path: "e1.global.ad-7", Version: clicks, Payload: fmt.Append(nil, clicks),
		}
	}
	view := sinks.View{Bucket: "clicks"}
	// One owner, and another one that has slept and goes on with what it had left.
	err := errors.Join(write(view, conn, known(10), known(20)), write(view, conn, known(30)), write(view, conn, known(20)))
	fmt.Println(err)

	js, _ := jetstream.New(conn)
	bucket, _ := js.KeyValue(context.Background(), "clicks")
	entry, _ := bucket.Get(context.Background(), "e1.global.ad-7")
	fmt.Println("at least", string(entry.Value()))
	// Output:
	// <nil>
	// at least 30
}

func ExampleFunc() {
	table := map[string]string{}
	sink := sinks.Func{Name: "table", Do: func(_ context.Context, r sinks.Record) error {
		table[r.ID] = string(r.Payload) // an upsert: doing it again changes nothing
		return nil
	}}
	for range 2 {
		if err := write(sink, nil, hot); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(table)
	// Output: map[9f3a/count/ad-7/2026-01-01T00:00:00Z:{"clicks":12}]
}

func ExampleJSONLines() {
	early := sinks.Record{ID: "9f3a/0/17", Verdict: crdt.Stable, Key: "ad-7", Payload: []byte("more than 10 clicks")}
	sink := &sinks.JSONLines{W: os.Stdout, Name: "example"}
	if err := write(sink, nil, early, hot); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"id":"9f3a/0/17","verdict":"stable","key":"ad-7","value":"more than 10 clicks"}
	// {"id":"9f3a/count/ad-7/2026-01-01T00:00:00Z","verdict":"final","key":"ad-7","window":"2026-01-01T00:00:00Z/PT1M","pipeline":"ads","value":{"clicks":12}}
}

func ExampleStdout() {
	if err := write(sinks.Stdout(), nil, sinks.Record{ID: "1", Payload: []byte("42")}); err != nil {
		fmt.Println(err)
	}
	// Output: {"id":"1","verdict":"provisional","value":42}
}

func ExampleHeaderKey() {
	header := sinks.HeaderKey("100%\n")
	fmt.Println(header)
	key, ok := sinks.KeyFromHeader(header)
	fmt.Printf("%q %v\n", key, ok)
	// Output:
	// 100%25%0A
	// "100%\n" true
}

// The message is what readers of the stream get. It leaves with a checkpoint of the pipeline that writes to the outbox.
func ExampleOutbox() {
	box := sinks.Outbox{Name: "ads.hot", Stream: "HOT"}
	m, err := box.Message(&hot)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Subject)
	fmt.Println(m.Header.Get(sinks.IDHeader), string(m.Data))
	fmt.Println(sinks.Outbox{Name: "ads.hot"}.Open(context.Background(), sinks.Env{}))
	// Output:
	// ads.hot.final.e1.20260101T0000.ad-7
	// 9f3a/count/ad-7/2026-01-01T00:00:00Z {"clicks":12}
	// <nil> sinks: Outbox needs a Name, which the subjects of results begin with, and a Stream, which they come to
}

func ExampleCoalesce() {
	known := func(clicks uint64) sinks.Record { // what operators.Bounds makes
		return sinks.Record{
			ID: fmt.Sprint("9f3a/counts/global/ad-7/v", clicks), Verdict: crdt.LowerBound, Key: "ad-7",
			Path: "e1.global.ad-7", Version: clicks, Payload: fmt.Append(nil, clicks),
		}
	}
	screen := sinks.Func{Name: "screen", Do: func(_ context.Context, r sinks.Record) error {
		fmt.Println(r.Key, "has at least", string(r.Payload))
		return nil
	}}
	// A pipeline hands it what has gathered in a second, or until a checkpoint.
	if err := write(sinks.Coalesce{To: screen}, nil, known(10), known(20), known(30)); err != nil {
		fmt.Println(err)
	}
	// Output: ad-7 has at least 30
}
