package shard_test

import (
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

// BenchmarkApply counts messages by their subject: what the engine does to a record once it is read, beside a loop over
// a Go map that does the same without an engine.
func BenchmarkApply(b *testing.B) {
	for _, keys := range []int{1_000, 1_000_000} {
		messages := make([]plan.Message, max(keys, 4096))
		for i := range messages {
			messages[i] = plan.Message{Subject: fmt.Sprintf("key-%012d", (i*7919)%keys), Seq: uint64(i + 1), Time: int64(i)}
		}
		b.Run(fmt.Sprintf("engine/keys=%d", keys), func(b *testing.B) {
			m := countBySubject(b)
			each(b, messages, func(batch []plan.Message) {
				if _, err := m.Apply(batch); err != nil {
					b.Fatal(err)
				}
			})
		})
		b.Run(fmt.Sprintf("map/keys=%d", keys), func(b *testing.B) {
			counts := make(map[string]*uint64)
			each(b, messages, func(batch []plan.Message) {
				for i := range batch {
					n := counts[batch[i].Subject]
					if n == nil {
						n = new(uint64)
						counts[batch[i].Subject] = n
					}
					*n++
				}
			})
		})
	}
}

// each calls apply with batches, round and round, and reports the cost of a message.
func each(b *testing.B, messages []plan.Message, apply func([]plan.Message)) {
	b.Helper()
	const batch = 512
	for at := 0; at < len(messages); at += batch { // all keys exist before the clock runs
		apply(messages[at:min(at+batch, len(messages))])
	}
	b.ReportAllocs()
	n, at := 0, 0
	for b.Loop() {
		apply(messages[at:min(at+batch, len(messages))])
		n += min(batch, len(messages)-at)
		if at += batch; at >= len(messages) {
			at = 0
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
}

func countBySubject(b *testing.B) *shard.Machine {
	b.Helper()
	p := pipeline.New("bench")
	in := pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Decode: func(m *pipeline.Message) (string, error) { return m.Subject, nil }})
	kept := operators.Filter(in, func(s string) bool { return s != "" })
	counts := operators.Count("counts", operators.KeyBy(kept, "subject", func(s string) string { return s }))
	pipeline.Write(p, "out", operators.Threshold(counts, crdt.AtLeast(1<<60)), sinks.Func{Name: "out"}, pipeline.EncodeText)
	cut, err := p.Plan()
	if err != nil {
		b.Fatal(err)
	}
	m, err := shard.NewMachine(&shard.Env{ID: checkpoint.ShardID{Stage: "in"}, Plan: cut, Stage: cut.Stages[0]})
	if err != nil {
		b.Fatal(err)
	}
	return m
}
