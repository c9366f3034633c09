package shard_test

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/exact"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

// sample is a record of the benchmark: a subject as key, and a number.
type sample struct {
	key string
	n   int64
}

func (s sample) number() int64 { return s.n }
func (s sample) self() string  { return s.key }

type tenths struct{}

func (tenths) Digits() int { return 1 }

// sealTo keeps the state and its reading as in a real pipeline; nothing is read while the benchmark runs.
func sealTo[L any](p *pipeline.Pipeline, g operators.Growing[string, L]) {
	finals := operators.Finals(operators.Seal(g, operators.EndOfInput()))
	pipeline.Write(p, "out", finals, sinks.Func{Name: "out"}, func(operators.Final[string, L]) ([]byte, error) { return nil, nil })
}

// BenchmarkAggregates measures what each aggregate adds to the reading of a record: 1,000 keys, 16,384 records with numbers from 0 to
// 999, over and over.
func BenchmarkAggregates(b *testing.B) {
	product := operators.AssertReduction("product", func(a, b int64) int64 { return a * b })
	type in = operators.Keyed[string, sample]
	for _, c := range []struct {
		name  string
		build func(p *pipeline.Pipeline, in in)
	}{
		{"none", func(p *pipeline.Pipeline, in in) {
			pipeline.Write(p, "out", operators.Filter(operators.Records(in), func(s sample) bool { return s.n < 0 }), sinks.Func{Name: "out"}, pipeline.EncodeJSON)
		}},
		{"count", func(p *pipeline.Pipeline, in in) { sealTo(p, operators.Count("x", in)) }},
		{"max", func(p *pipeline.Pipeline, in in) { sealTo(p, operators.Max("x", in, sample.number)) }},
		{"arg-max", func(p *pipeline.Pipeline, in in) { sealTo(p, operators.ArgMax("x", in, sample.number, sample.self)) }},
		{"average", func(p *pipeline.Pipeline, in in) { sealTo(p, operators.Average("x", in, sample.number)) }},
		{"sum-decimal", func(p *pipeline.Pipeline, in in) {
			sealTo(p, operators.SumDecimal("x", in, func(s sample) exact.Decimal[tenths] { return exact.DecimalOf[tenths](s.n) }))
		}},
		{"sum-float", func(p *pipeline.Pipeline, in in) {
			sealTo(p, operators.SumFloat("x", in, func(s sample) float64 { return float64(s.n) / 7 }))
		}},
		{"distinct", func(p *pipeline.Pipeline, in in) { sealTo(p, operators.Distinct("x", in, sample.number)) }},
		{"approx-distinct", func(p *pipeline.Pipeline, in in) {
			sealTo(p, operators.ApproxDistinct("x", in, func(s sample) string { return s.key }))
		}},
		{"quantiles", func(p *pipeline.Pipeline, in in) { sealTo(p, operators.Quantiles("x", in, sample.number)) }},
		{"top-of", func(p *pipeline.Pipeline, in in) {
			sealTo(p, operators.TopOf("x", in, 10, sample.number, sample.number))
		}},
		{"last", func(p *pipeline.Pipeline, in in) { sealTo(p, operators.Last("x", in, sample.number)) }},
		{"collect", func(p *pipeline.Pipeline, in in) {
			numbers := operators.KeyBy(operators.Map(operators.Records(in), sample.number), "mod", func(n int64) string { return mods[n%10] })
			sealTo(p, operators.Collect("x", numbers, 100))
		}},
		{"reduce", func(p *pipeline.Pipeline, in in) { sealTo(p, operators.Reduce("x", in, sample.number, product)) }},
		{"aggregate", func(p *pipeline.Pipeline, in in) {
			sealTo(p, operators.Aggregate("x", in, func(s sample) crdt.Max[int64] { return crdt.MaxOf(s.n) }))
		}},
		{"deduplicate", func(p *pipeline.Pipeline, in in) {
			once := operators.Deduplicate("x", operators.Window(in, operators.Tumbling(time.Hour)), 0)
			pipeline.Write(p, "out", operators.Map(once, sample.number), sinks.Func{Name: "out"}, pipeline.EncodeJSON)
		}},
		{"session count", func(p *pipeline.Pipeline, in in) {
			sealTo(p, operators.Count("x", operators.Window(in, operators.Sessions(time.Hour))))
		}},
		{"session distinct", func(p *pipeline.Pipeline, in in) {
			sealTo(p, operators.Distinct("x", operators.Window(in, operators.Sessions(time.Hour)), sample.number))
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := machineOf(b, func(p *pipeline.Pipeline) {
				read := pipeline.Read(p, "in", pipeline.Source[sample]{Stream: "IN", Decode: func(m *pipeline.Message) (sample, error) {
					return sample{m.Subject, int64(binary.BigEndian.Uint64(m.Data))}, nil
				}})
				c.build(p, operators.KeyBy(read, "key", sample.self))
			})
			messages := make([]plan.Message, 16384)
			for i := range messages {
				messages[i] = plan.Message{
					Subject: fmt.Sprintf("key-%04d", (i*7919)%1000), Seq: uint64(i + 1), Time: int64(i),
					Data: binary.BigEndian.AppendUint64(nil, uint64(i*i)%1000),
				}
			}
			each(b, messages, func(batch []plan.Message) {
				if _, err := m.Apply(batch); err != nil {
					b.Fatal(err)
				}
				m.Take()
			})
		})
	}
}

var mods = []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}

func machineOf(b *testing.B, build func(p *pipeline.Pipeline)) *shard.Machine {
	b.Helper()
	p := pipeline.New("bench")
	build(p)
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
