//go:build unix

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
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
	name  func(r sinks.Record) string // nil means the key
}

// sink hands each result to the collector. A pipeline needs a name for each of its outputs.
func (c *collector) sink(name string) sinks.Func {
	return sinks.Func{Name: name, Do: func(_ context.Context, r sinks.Record) error {
		key := r.Key
		if c.name != nil {
			key = c.name(r)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.found[key] = string(r.Payload)
		return nil
	}}
}

// windowName is the key and the second in which the window of a result begins.
func windowName(r sinks.Record) string {
	from, _, _ := strings.Cut(r.Window, "/")
	begin, err := time.Parse(time.RFC3339, from)
	if err != nil {
		return r.Key + "@" + r.Window
	}
	return fmt.Sprintf("%s@%d", r.Key, begin.Unix())
}

// encodeCount writes the value of a counter.
func encodeCount[K operators.Key](f operators.Final[K, crdt.GCounter]) ([]byte, error) {
	return fmt.Append(nil, f.Value.Value()), nil
}

// run runs a pipeline over the whole input, from nothing to its durable end, and takes the time.
func run(ctx context.Context, b *contest.Bout, build func(p *pipeline.Pipeline, c *collector)) error {
	return watched(ctx, b, func(p *pipeline.Pipeline) { build(p, &collector{found: b.Found}) }, func(pipeline.ShardStatus) {})
}

// account notes what the shards have done. Nothing may have been late or refused.
func account(b *contest.Bout, monitor *pipeline.Monitor) error {
	for _, s := range monitor.Shards() {
		if s.DeadLetters > 0 || s.Late > 0 {
			return fmt.Errorf("stage %s, shard %d: %d dead letters, %d late records", s.Stage, s.Shard, s.DeadLetters, s.Late)
		}
		b.Extra["checkpoints"] += float64(s.Checkpoints)
		b.Extra["checkpoint_bytes"] += float64(s.CheckpointBytes)
		b.Extra["messages_"+s.Stage] += float64(s.Messages)
		b.Extra["bytes_"+s.Stage] += float64(s.Bytes)
	}
	return nil
}

func logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// countKeys counts records by key and writes the counts at the end of the input.
func countKeys[T any, K operators.Key](p *pipeline.Pipeline, c *collector, in operators.Stream[T], key func(T) K) {
	counted := operators.Count("counts", operators.KeyBy(in, "key", key))
	pipeline.Write(p, "counts", operators.Finals(operators.Seal(counted, operators.EndOfInput())), c.sink("counts"), encodeCount[K])
}
