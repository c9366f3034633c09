//go:build unix

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/codecs/jsonscan"
	"github.com/calmstream/calmstream/pipeline/codecs/jsonv2"
	"github.com/calmstream/calmstream/sinks"
)

// The two decoders of pipeline/codecs. Both decode all of an event.
var (
	calmJSON = calm(jsonv2.Of[contest.Event]().Message)
	calmScan = calm(jsonscan.Object(scanEvent))
)

// scanEvent takes each member of an event.
func scanEvent(e *contest.Event, name []byte, v jsonscan.Value) (err error) {
	switch string(name) {
	case "id":
		e.ID, err = v.Text()
	case "user":
		e.User, err = v.Text()
	case "ad":
		e.Ad, err = v.Text()
	case "kind":
		e.Kind, err = v.Text()
	case "page":
		e.Page, err = v.Text()
	case "time":
		e.Time, err = v.Int()
	case "price":
		var n int64
		n, err = v.Int()
		e.Price = int(n)
	}
	return err
}

// calm is the pipeline of the workload json with a decoder.
func calm(decode func(*pipeline.Message) (contest.Event, error)) contest.Contender {
	return func(ctx context.Context, b *contest.Bout) error { return count(ctx, b, decode) }
}

func count(ctx context.Context, b *contest.Bout, decode func(*pipeline.Message) (contest.Event, error)) error {
	nc, err := b.Connect()
	if err != nil {
		return err
	}
	var mu sync.Mutex
	collect := sinks.Func{Name: "counts", Do: func(_ context.Context, r sinks.Record) error {
		mu.Lock()
		defer mu.Unlock()
		b.Found[r.Key] = string(r.Payload)
		return nil
	}}
	p := pipeline.New(b.Run)
	events := pipeline.Read(p, "events", pipeline.Source[contest.Event]{Stream: b.Stream, Decode: decode})
	counted := operators.Count("counts", operators.KeyBy(events, "key", func(e contest.Event) string { return e.Ad }))
	pipeline.Write(p, "counts", operators.Finals(operators.Seal(counted, operators.EndOfInput())), collect, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Append(nil, f.Value.Value()), nil
	})
	b.Begin()
	err = p.Run(ctx, pipeline.Config{Conn: nc, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	b.End()
	return err
}
