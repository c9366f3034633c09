//go:build unix

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math/bits"
	"strings"
	"time"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
	"github.com/cespare/xxhash/v2"
	"github.com/nats-io/nats.go"
)

const (
	shuffleBytes = 1024
	// oneIn is how many records there are for each that a consumer wants: the selectivity is 0.2.
	oneIn = 5
	// groupOf is after how many records of a consumer its state is emitted.
	groupOf = 10
)

// shuffled is what is used of a record: 16 bytes that rules look at, of which four are the value, and its time.
type shuffled struct {
	hash, value uint64
	millis      int64
}

// AppendBinary appends the record as it is kept in state.
func (s shuffled) AppendBinary(b []byte) ([]byte, error) {
	b = binary.LittleEndian.AppendUint64(b, s.hash)
	b = binary.LittleEndian.AppendUint64(b, s.value)
	return binary.LittleEndian.AppendUint64(b, uint64(s.millis)), nil
}

// UnmarshalBinary reads what AppendBinary has written.
func (s *shuffled) UnmarshalBinary(b []byte) error {
	if len(b) != 24 {
		return fmt.Errorf("%d bytes, want 24", len(b))
	}
	s.hash, s.value, s.millis = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), int64(binary.LittleEndian.Uint64(b[16:]))
	return nil
}

// appendShuffled writes record i: 16 bytes that look random, a time, and filling.
func appendShuffled(b []byte, i int) []byte {
	b = binary.LittleEndian.AppendUint64(b, mix(2*i))
	b = binary.LittleEndian.AppendUint64(b, mix(2*i+1))
	b = binary.LittleEndian.AppendUint64(b, uint64(adsBegin+i))
	return append(b, make([]byte, shuffleBytes-24)...)
}

// readShuffled reads a record.
func readShuffled(m *pipeline.Message) (shuffled, error) {
	if len(m.Data) != shuffleBytes {
		return shuffled{}, fmt.Errorf("%d bytes, want %d", len(m.Data), shuffleBytes)
	}
	return shuffled{hash: xxhash.Sum64(m.Data[:16]), value: uint64(binary.LittleEndian.Uint32(m.Data)), millis: int64(binary.LittleEndian.Uint64(m.Data[16:]))}, nil
}

// consumer is who wants a record, one of several whose rules are ranges of the hash of equal size; or nobody does.
func (s shuffled) consumer(consumers int) (n uint32, wanted bool) {
	hi, _ := bits.Mul64(s.hash, uint64(consumers*oneIn))
	return uint32(hi), hi < uint64(consumers)
}

// shuffle is after ShuffleBench, in two variants.
func shuffle() workload {
	variant := func(build func(p *pipeline.Pipeline, c *collector, in operators.Keyed[uint32, shuffled])) contest.Contender {
		return func(ctx context.Context, b *contest.Bout) error {
			return run(ctx, b, func(p *pipeline.Pipeline, c *collector) {
				in := pipeline.Read(p, "records", pipeline.Source[shuffled]{
					Stream: b.Stream, Subjects: b.Subjects, Decode: readShuffled, Time: func(s shuffled) time.Time { return time.UnixMilli(s.millis) },
				})
				wanted := operators.Filter(in, func(s shuffled) bool { _, is := s.consumer(b.Keys); return is })
				build(p, c, operators.KeyBy(wanted, "consumer", func(s shuffled) uint32 { n, _ := s.consumer(b.Keys); return n }))
			})
		}
	}
	return workload{
		name: "shuffle", about: "find the consumer of records of 1 KiB, of which a fifth has one of 1,000, bring them to its shard, and keep its state (after ShuffleBench); " +
			"a: every ten records, in the order of their times, are one result; b: count, sum, first and last time, with a lower bound at each tenth record and no reset",
		cases: func(scale float64) []testcase {
			n := scaled(300_000, scale, 4_000)
			return one(contest.Job{Stream: "SHUFFLE", Subjects: []string{"shuffle.0", "shuffle.1"}, Messages: n, Records: n, Keys: scaled(1_000, scale, 20)})
		},
		fill: func(c testcase, put func(*nats.Msg) error) error {
			for i := range c.Messages {
				if err := put(&nats.Msg{Subject: c.Subjects[i%len(c.Subjects)], Data: appendShuffled(nil, i)}); err != nil {
					return err
				}
			}
			return nil
		},
		want: wantBounds,
		entries: append(floors(),
			entry{name: "calmstream a", kind: oursKind, promise: exactlyOnce + "; groups in order, once", run: variant(shuffleInOrder), want: wantInOrder},
			entry{name: "calmstream b", kind: oursKind, promise: exactlyOnce + "; lower bounds at once", run: variant(shuffleBounds)},
		),
		targets: noTargets,
	}
}

// shuffleInOrder emits a state for every ten records of a consumer and begins anew: this depends on their order, so it stands behind a seal.
func shuffleInOrder(p *pipeline.Pipeline, c *collector, in operators.Keyed[uint32, shuffled]) {
	c.name = func(r sinks.Record) string { name, _, _ := strings.Cut(string(r.Payload), " "); return name }
	records := operators.Collect("kept", in, 1<<20)
	groups := operators.FlatMap(operators.Finals(operators.Seal(records, operators.EndOfInput())), func(f operators.Final[uint32, operators.Collected[shuffled]]) iter.Seq[string] {
		return func(yield func(string) bool) {
			all, err := f.Value.Records()
			if err != nil || !f.Value.Complete() {
				yield(fmt.Sprintf("%d/incomplete %v", f.Key, err))
				return
			}
			for g := range len(all) / groupOf {
				if !yield(groupText(f.Key, g, all[g*groupOf:(g+1)*groupOf])) {
					return
				}
			}
		}
	})
	pipeline.Write(p, "groups", groups, c.sink("groups"), pipeline.EncodeText)
}

// groupText is the result of a group.
func groupText(key uint32, group int, of []shuffled) string {
	sum := uint64(0)
	for _, s := range of {
		sum += s.value
	}
	return fmt.Sprintf("%d/%d count %d sum %d first %d last %d", key, group, len(of), sum, of[0].millis, of[len(of)-1].millis)
}

// shuffleBounds keeps states that only grow.
func shuffleBounds(p *pipeline.Pipeline, c *collector, in operators.Keyed[uint32, shuffled]) {
	c.name = func(r sinks.Record) string { name, _, _ := strings.Cut(string(r.Payload), " "); return name }
	millis := func(s shuffled) int64 { return s.millis }
	counts := operators.Count("count", in)
	bounds := operators.Bounds(counts, crdt.CountOf(), crdt.CountOf(), groupOf)
	pipeline.Write(p, "bounds", bounds, c.sink("bounds"), func(b operators.Bound[uint32, crdt.Max[uint64]]) ([]byte, error) {
		return fmt.Appendf(nil, "%d/%d at least", b.Key, b.Progress), nil
	})
	shuffleFinal(p, c, "count", counts, (*crdt.GCounter).Value)
	shuffleFinal(p, c, "sum", operators.Sum("sum", in, func(s shuffled) uint64 { return s.value }), (*crdt.GCounter).Value)
	shuffleFinal(p, c, "first", operators.Min("first", in, millis), func(m *crdt.Min[int64]) uint64 { v, _ := m.Value(); return uint64(v) })
	shuffleFinal(p, c, "last", operators.Max("last", in, millis), func(m *crdt.Max[int64]) uint64 { v, _ := m.Value(); return uint64(v) })
}

// shuffleFinal writes what a state is at the end.
func shuffleFinal[L any](p *pipeline.Pipeline, c *collector, name string, of operators.Growing[uint32, L], value func(*L) uint64) {
	finals := operators.Finals(operators.Seal(of, operators.EndOfInput()))
	pipeline.Write(p, "final-"+name, finals, c.sink(name), func(f operators.Final[uint32, L]) ([]byte, error) {
		return fmt.Appendf(nil, "%d-%s %d", f.Key, name, value(&f.Value)), nil
	})
}

// shuffledByConsumer has the records of each consumer in the order of their times.
func shuffledByConsumer(c testcase) map[uint32][]shuffled {
	by := make(map[uint32][]shuffled)
	for i := range c.Records {
		s, err := readShuffled(&pipeline.Message{Data: appendShuffled(nil, i)})
		if n, wanted := s.consumer(c.Keys); err == nil && wanted {
			by[n] = append(by[n], s)
		}
	}
	return by
}

func wantInOrder(c testcase) map[string]string {
	want := make(map[string]string)
	for key, all := range shuffledByConsumer(c) {
		for g := range len(all) / groupOf {
			text := groupText(key, g, all[g*groupOf:(g+1)*groupOf])
			name, _, _ := strings.Cut(text, " ")
			want[name] = text
		}
	}
	return want
}

func wantBounds(c testcase) map[string]string {
	want := make(map[string]string)
	for key, all := range shuffledByConsumer(c) {
		for n := groupOf; n <= len(all); n += groupOf {
			want[fmt.Sprintf("%d/%d", key, n)] = fmt.Sprintf("%d/%d at least", key, n)
		}
		sum := uint64(0)
		for _, s := range all {
			sum += s.value
		}
		for name, v := range map[string]uint64{"count": uint64(len(all)), "sum": sum, "first": uint64(all[0].millis), "last": uint64(all[len(all)-1].millis)} {
			want[fmt.Sprintf("%d-%s", key, name)] = fmt.Sprintf("%d-%s %d", key, name, v)
		}
	}
	return want
}
