//go:build unix

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

// exactlyOnce is what calmstream guarantees in these workloads.
const exactlyOnce = "state exactly once through crashes, a checkpoint every second"

// collector takes results of several shards.
type collector struct {
	mu    sync.Mutex
	found map[string]string
}

// sink hands each result to the collector.
func (c *collector) sink() sinks.Func {
	return sinks.Func{Name: "collect", Do: func(_ context.Context, r sinks.Record) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.found[r.Key] = string(r.Payload)
		return nil
	}}
}

// encodeCount writes the value of a counter.
func encodeCount[K operators.Key](f operators.Final[K, crdt.GCounter]) ([]byte, error) {
	return fmt.Append(nil, f.Value.Value()), nil
}

// run runs a pipeline over the whole input, from nothing to its durable end, and takes the time.
func run(ctx context.Context, b *contest.Bout, build func(p *pipeline.Pipeline, c *collector)) error {
	nc, err := b.Connect()
	if err != nil {
		return err
	}
	p := pipeline.New(b.Run)
	c := &collector{found: b.Found}
	build(p, c)
	monitor := new(pipeline.Monitor)
	b.Begin()
	err = p.Run(ctx, pipeline.Config{Conn: nc, Logger: logger(), Monitor: monitor, CheckpointEvery: time.Duration(b.Options["checkpoint_ms"]) * time.Millisecond})
	b.End()
	for _, s := range monitor.Shards() {
		if s.DeadLetters > 0 || s.Late > 0 {
			return fmt.Errorf("stage %s, shard %d: %d dead letters, %d late records", s.Stage, s.Shard, s.DeadLetters, s.Late)
		}
		b.Extra["checkpoints"] += float64(s.Checkpoints)
		b.Extra["checkpoint_bytes"] += float64(s.CheckpointBytes)
		b.Extra["messages_"+s.Stage] += float64(s.Messages)
		b.Extra["bytes_"+s.Stage] += float64(s.Bytes)
	}
	return err
}

func logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// countKeys counts records by key and writes the counts at the end of the input.
func countKeys[T any, K operators.Key](p *pipeline.Pipeline, c *collector, in operators.Stream[T], key func(T) K) {
	counted := operators.Count("counts", operators.KeyBy(in, "key", key))
	pipeline.Write(p, "counts", operators.Finals(operators.Seal(counted, operators.EndOfInput())), c.sink(), encodeCount[K])
}
