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

type keyed = operators.Keyed[string, sample]

var product = operators.AssertReduction("product", func(a, b int64) int64 { return a * b })

// measured are the aggregates, each in a pipeline of one shard, and what each allocates for a record once its keys are known.
var measured = []struct {
	name   string
	build  func(p *pipeline.Pipeline, in keyed)
	allocs float64
}{
	{"none", func(p *pipeline.Pipeline, in keyed) {
		pipeline.Write(p, "out", operators.Filter(operators.Records(in), func(s sample) bool { return s.n < 0 }), sinks.Func{Name: "out"}, pipeline.EncodeJSON)
	}, 0},
	{"count", func(p *pipeline.Pipeline, in keyed) { sealTo(p, operators.Count("x", in)) }, 0},
	{"max", func(p *pipeline.Pipeline, in keyed) { sealTo(p, operators.Max("x", in, sample.number)) }, 0},
	{"arg-max", func(p *pipeline.Pipeline, in keyed) { sealTo(p, operators.ArgMax("x", in, sample.number, sample.self)) }, 0},
	{"average", func(p *pipeline.Pipeline, in keyed) { sealTo(p, operators.Average("x", in, sample.number)) }, 0},
	{"sum-decimal", func(p *pipeline.Pipeline, in keyed) {
		sealTo(p, operators.SumDecimal("x", in, func(s sample) exact.Decimal[tenths] { return exact.DecimalOf[tenths](s.n) }))
	}, 0},
	{"sum-float", func(p *pipeline.Pipeline, in keyed) {
		sealTo(p, operators.SumFloat("x", in, func(s sample) float64 { return float64(s.n) / 7 }))
	}, 0},
	{"distinct", func(p *pipeline.Pipeline, in keyed) { sealTo(p, operators.Distinct("x", in, sample.number)) }, 0},
	{"approx-distinct", func(p *pipeline.Pipeline, in keyed) {
		sealTo(p, operators.ApproxDistinct("x", in, func(s sample) string { return s.key }))
	}, 0},
	{"quantiles", func(p *pipeline.Pipeline, in keyed) { sealTo(p, operators.Quantiles("x", in, sample.number)) }, 0},
	{"top-of", func(p *pipeline.Pipeline, in keyed) {
		sealTo(p, operators.TopOf("x", in, 10, sample.number, sample.number))
	}, 0},
	{"last", func(p *pipeline.Pipeline, in keyed) { sealTo(p, operators.Last("x", in, sample.number)) }, 0},
	{"collect", func(p *pipeline.Pipeline, in keyed) {
		numbers := operators.KeyBy(operators.Map(operators.Records(in), sample.number), "mod", func(n int64) string { return mods[n%10] })
		sealTo(p, operators.Collect("x", numbers, 100))
	}, 2},
	{"reduce", func(p *pipeline.Pipeline, in keyed) { sealTo(p, operators.Reduce("x", in, sample.number, product)) }, 0},
	{"aggregate", func(p *pipeline.Pipeline, in keyed) {
		sealTo(p, operators.Aggregate("x", in, func(s sample) crdt.Max[int64] { return crdt.MaxOf(s.n) }))
	}, 0},
	{"deduplicate", func(p *pipeline.Pipeline, in keyed) {
		once := operators.Deduplicate("x", operators.Window(in, operators.Tumbling(time.Hour)), 0)
		pipeline.Write(p, "out", operators.Map(once, sample.number), sinks.Func{Name: "out"}, pipeline.EncodeJSON)
	}, 0},
	{"session count", func(p *pipeline.Pipeline, in keyed) {
		sealTo(p, operators.Count("x", operators.Window(in, operators.Sessions(time.Hour))))
	}, 0},
	{"session distinct", func(p *pipeline.Pipeline, in keyed) {
		sealTo(p, operators.Distinct("x", operators.Window(in, operators.Sessions(time.Hour)), sample.number))
	}, 0},
}

// BenchmarkAggregates measures what each aggregate adds to the reading of a record: 1,000 keys, 16,384 records with numbers from 0 to
// 999, over and over.
func BenchmarkAggregates(b *testing.B) {
	for _, c := range measured {
		b.Run(c.name, func(b *testing.B) {
			m, messages := samples(b, c.build)
			each(b, messages, applier(b, m))
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

// No aggregate allocates for each record, but the one that keeps records.
func TestAggregatesDoNotAllocate(t *testing.T) { //nolint:paralleltest // it counts allocations
	for _, c := range measured {
		m, messages := samples(t, c.build)
		apply := func() {
			if _, err := m.Apply(messages); err != nil {
				t.Fatal(err)
			}
			m.Take()
		}
		apply() // all keys and values are known then
		if got := testing.AllocsPerRun(2, apply) / float64(len(messages)); got > c.allocs+0.05 {
			t.Errorf("%s allocates %.2f times for a record, want %v", c.name, got, c.allocs)
		}
	}
}

// samples makes a machine and the messages for it.
func samples(t testing.TB, build func(p *pipeline.Pipeline, in keyed)) (*shard.Machine, []plan.Message) {
	t.Helper()
	m := machineOf(t, func(p *pipeline.Pipeline) {
		read := pipeline.Read(p, "in", pipeline.Source[sample]{Stream: "IN", Decode: func(m *pipeline.Message) (sample, error) {
			return sample{m.Subject, int64(binary.BigEndian.Uint64(m.Data))}, nil
		}})
		build(p, operators.KeyBy(read, "key", sample.self))
	})
	messages := make([]plan.Message, 16384)
	for i := range messages {
		messages[i] = plan.Message{
			Subject: fmt.Sprintf("key-%04d", (i*7919)%1000), Seq: uint64(i + 1), Time: int64(i),
			Data: binary.BigEndian.AppendUint64(nil, uint64(i*i)%1000),
		}
	}
	return m, messages
}

var mods = []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}

func machineOf(t testing.TB, build func(p *pipeline.Pipeline)) *shard.Machine {
	t.Helper()
	p := pipeline.New("bench")
	build(p)
	cut, err := p.Plan()
	if err != nil {
		t.Fatal(err)
	}
	m, err := shard.NewMachine(&shard.Env{ID: checkpoint.ShardID{Stage: "in"}, Plan: cut, Stage: cut.Stages[0]})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
