package shard_test

import (
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

// BenchmarkKeys counts messages of a registered producer by their subject, of which there are a thousand: sealed at the end, and key by
// key, for which it is asked of each record whether its key is sealed.
func BenchmarkKeys(b *testing.B) {
	for name, when := range map[string]operators.Sealing{"end": operators.EndOfInput(), "keys": operators.Keys("subject")} {
		b.Run(name, func(b *testing.B) {
			p := pipeline.New("bench")
			in := pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Producers: []string{"p"}, Decode: func(m *pipeline.Message) (string, error) { return m.Subject, nil }})
			counts := operators.Count("counts", operators.KeyBy(in, "subject", func(s string) string { return s }))
			pipeline.Write(p, "out", operators.Finals(operators.Seal(counts, when)), sinks.Func{Name: "out"}, func(operators.Final[string, crdt.GCounter]) ([]byte, error) { return nil, nil })
			cut, err := p.Plan()
			if err != nil {
				b.Fatal(err)
			}
			m, err := shard.NewMachine(&shard.Env{ID: checkpoint.ShardID{Stage: "in"}, Plan: cut, Stage: cut.Stages[0]})
			if err != nil {
				b.Fatal(err)
			}
			messages := make([]plan.Message, 4096)
			for i := range messages {
				messages[i].Subject = fmt.Sprintf("key-%012d", (i*7919)%1000)
			}
			number := uint64(0)
			each(b, messages, func(batch []plan.Message) {
				b.StopTimer()
				for i := range batch {
					number++
					batch[i].Header, batch[i].Seq = seal.RecordHeaders("p", number), number
				}
				b.StartTimer()
				if _, err := m.Apply(batch); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}
