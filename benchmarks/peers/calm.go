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
	"github.com/calmstream/calmstream/pipeline/codecs/jsonv2"
	"github.com/calmstream/calmstream/sinks"
)

// calmJSON is the pipeline of the workload json with the decoder of pipeline/codecs/jsonv2.
func calmJSON(ctx context.Context, b *contest.Bout) error {
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
	events := pipeline.Read(p, "events", pipeline.Source[contest.Event]{Stream: b.Stream, Decode: jsonv2.Of[contest.Event]().Message})
	counted := operators.Count("counts", operators.KeyBy(events, "key", func(e contest.Event) string { return e.Ad }))
	pipeline.Write(p, "counts", operators.Finals(operators.Seal(counted, operators.EndOfInput())), collect, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Append(nil, f.Value.Value()), nil
	})
	b.Begin()
	err = p.Run(ctx, pipeline.Config{Conn: nc, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	b.End()
	return err
}
