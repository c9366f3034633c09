package shard_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

// BenchmarkApply decodes messages, drops one in sixteen, maps the rest to their keys and counts them: what the engine does to a record
// once it is read, in turn with loops over Go maps that do the same without an engine.
func BenchmarkApply(b *testing.B) {
	for _, keys := range []int{1_000, 1_000_000} {
		messages := make([]plan.Message, max(keys, 1<<14))
		for i := range messages {
			messages[i] = plan.Message{
				Subject: fmt.Sprintf("key-%012d", (i*7919)%keys), Seq: uint64(i + 1), Time: int64(i),
				Data: binary.BigEndian.AppendUint64(nil, uint64(i)),
			}
		}
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			inTurn(b, messages,
				contender{"engine", applier(b, machineOf(b, countKept))},
				contender{"loop", countingLoop()},
				contender{"loop+", countingLoopForCheckpoints()})
		})
	}
}

// contender is one of those that are measured in turn.
type contender struct {
	name string
	step func(batch []plan.Message)
}

// inTurn gives the same batches, a message each millisecond, to all contenders, one after the other, and reports what a message costs the
// first, and how many times the cost of each other that is. It compares medians: neighbours on the machine come and go.
func inTurn(b *testing.B, messages []plan.Message, all ...contender) {
	b.Helper()
	const size = 512
	at, seq := 0, 0
	next := func() []plan.Message {
		batch := messages[at:min(at+size, len(messages))]
		if at += size; at >= len(messages) {
			at = 0
		}
		for i := range batch {
			seq++
			batch[i].Seq, batch[i].Time = uint64(seq), int64(seq)*int64(time.Millisecond)
		}
		return batch
	}
	for range (len(messages) + size - 1) / size { // all keys exist before the clock runs
		batch := next()
		for _, c := range all {
			c.step(batch)
		}
	}
	spent := make([][]float64, len(all))
	for first := 0; b.Loop(); first++ { // who is first finds the messages out of the caches
		batch := next()
		for i := range all {
			i = (first + i) % len(all)
			begin := time.Now()
			all[i].step(batch)
			spent[i] = append(spent[i], float64(time.Since(begin).Nanoseconds())/float64(len(batch)))
		}
	}
	allocated := testing.AllocsPerRun(100, func() { all[0].step(next()) }) / size
	medians := make([]float64, len(all))
	for i := range spent {
		slices.Sort(spent[i])
		medians[i] = spent[i][len(spent[i])/2]
	}
	b.ReportMetric(0, "ns/op") // of all together, which says nothing
	b.ReportMetric(medians[0], all[0].name+"-ns/record")
	b.ReportMetric(allocated, "allocs/record")
	for i, c := range all[1:] {
		b.ReportMetric(medians[i+1], c.name+"-ns/record")
		b.ReportMetric(medians[0]/medians[i+1], all[0].name+"/"+c.name)
	}
}

func applier(t testing.TB, m *shard.Machine) func([]plan.Message) {
	t.Helper()
	return func(batch []plan.Message) { apply(t, m, batch) }
}

func apply(t testing.TB, m *shard.Machine, batch []plan.Message) { //nolint:thelper // it is what is measured
	if _, err := m.Apply(batch); err != nil {
		t.Fatal(err)
	}
	m.Take()
}

// The functions of the pipeline and of the loops.
func decodeSample(m *plan.Message) sample {
	return sample{m.Subject, int64(binary.BigEndian.Uint64(m.Data))}
}
func (s sample) kept() bool { return s.n%16 != 0 }

func countKept(p *pipeline.Pipeline) {
	in := pipeline.Read(p, "in", pipeline.Source[sample]{Stream: "IN", Decode: func(m *pipeline.Message) (sample, error) { return decodeSample(m), nil }})
	keys := operators.Map(operators.Filter(in, sample.kept), sample.self)
	counts := operators.Count("counts", operators.KeyBy(keys, "key", func(s string) string { return s }))
	pipeline.Write(p, "out", operators.Threshold(counts, crdt.AtLeast(never)), sinks.Func{Name: "out"}, pipeline.EncodeText)
}

// never is a count that is not reached.
const never = 1 << 60

// countingLoop is what one writes without an engine, and without what an engine is for. It keeps copies of keys, as whoever
// reads messages from a network must.
func countingLoop() func([]plan.Message) {
	counts := make(map[string]*uint64)
	return func(batch []plan.Message) {
		for i := range batch {
			s := decodeSample(&batch[i])
			if !s.kept() {
				continue
			}
			n := counts[s.self()]
			if n == nil {
				n = new(uint64)
				counts[strings.Clone(s.self())] = n
			}
			*n++
		}
	}
}

// countingLoopForCheckpoints also asks of each count whether it is enough, notes which have changed since the last checkpoint, and where in
// the log, at which time, it is.
func countingLoopForCheckpoints() func([]plan.Message) {
	type count struct {
		n              uint64
		changed, fired bool
	}
	counts := make(map[string]*count)
	var changed, enough []string
	var seq uint64
	var latest int64
	return func(batch []plan.Message) {
		for i := range batch {
			m := &batch[i]
			s := decodeSample(m)
			seq, latest = m.Seq, max(latest, m.Time)
			if !s.kept() {
				continue
			}
			n := counts[s.self()]
			if n == nil {
				n = new(count)
				counts[strings.Clone(s.self())] = n
			}
			n.n++
			if !n.changed {
				n.changed = true
				changed = append(changed, s.self())
			}
			if !n.fired && n.n >= never {
				n.fired = true
				enough = append(enough, s.self())
			}
		}
		if seq == 0 || latest < 0 || len(enough) > 0 || len(changed) == 0 {
			panic("nothing was counted")
		}
	}
}
