package kernel_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// The joins here take records in the order of their times, one each time unit, in batches, with the keys in turn. Beside each stands a loop
// over Go maps that is written for just this work, without checkpoints, and without order where maps have none.
const (
	benchBatch = 512
	benchKeys  = 10_000
	// benchReach is how long a record is matched, or waits, in time units.
	benchReach = 2_000
)

// feed makes batches. Of each hundred records, onRight come from the right side.
type feed struct {
	keys    []string
	onRight int
	next    int64
}

func newFeed(onRight int) *feed {
	f := &feed{onRight: onRight}
	for i := range benchKeys {
		f.keys = append(f.keys, fmt.Sprintf("key-%09d", i))
	}
	return f
}

// each calls take with the records of the next batch, and returns the time behind them.
func (f *feed) each(take func(at int64, key string, right bool)) (frontier int64) {
	for range benchBatch {
		n := f.next
		f.next++
		take(n, f.keys[n/2*7919%benchKeys], int(uint64(n)*0x9e3779b97f4a7c15>>32%100) < f.onRight)
	}
	return f.next - 1
}

// sink is a Consumer that counts.
type sink struct{ n int }

func (s *sink) Consume(b *plan.Batch[uint64]) { s.n += b.Len() }
func (s *sink) Advance(int64)                 {}

// beside measures a kernel and a loop, each by itself and then in turn, which gives the ratio.
func beside(b *testing.B, engine, loop func(*testing.B) (step func(), results func() int)) {
	b.Helper()
	warm := func(b *testing.B, make func(*testing.B) (func(), func() int)) func() {
		b.Helper()
		step, results := make(b)
		for range 60 * benchKeys / benchBatch { // every key has been on each side
			step()
		}
		if results() == 0 {
			b.Fatal("no results")
		}
		return step
	}
	for name, one := range map[string]func(*testing.B) (func(), func() int){"kernel": engine, "map": loop} {
		b.Run(name, func(b *testing.B) {
			step := warm(b, one)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				step()
				n += benchBatch
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
		})
	}
	b.Run("ratio", func(b *testing.B) {
		first, second := warm(b, engine), warm(b, loop)
		var spent [2]time.Duration
		for b.Loop() {
			for i, step := range []func(){first, second} {
				begin := time.Now()
				step()
				spent[i] += time.Since(begin)
			}
		}
		b.ReportMetric(float64(spent[0])/float64(spent[1]), "kernel/map")
	})
}

// sidedKernel feeds a kernel of two sides, and takes a snapshot now and then, as a shard does.
func sidedKernel[A, B any](b *testing.B, onRight int, left func(int64) A, right func(int64) B, build func(*plan.Node, *plan.Runtime, plan.Operator) (plan.Operator, error)) (step func(), results func() int) {
	b.Helper()
	var state plan.Stateful
	rejected, out := 0, new(sink)
	rt := runtime(&rejected)
	rt.Register = func(_ *plan.Node, s plan.Stateful) { state = s }
	op, err := build(&plan.Node{Windowing: plan.Instants, Rule: plan.SealRule{Set: true, Lateness: benchReach}}, rt, out)
	if err != nil {
		b.Fatal(err)
	}
	type record = plan.Contribution[string, kernel.Sided[A, B]]
	consumer, ok := op.(plan.Consumer[record])
	if !ok {
		b.Fatalf("%T", op)
	}
	f := newFeed(onRight)
	var in plan.Batch[record]
	batches := 0
	return func() {
		in.Truncate(0)
		frontier := f.each(func(at int64, key string, isRight bool) {
			v := kernel.Sided[A, B]{Right: isRight}
			if isRight {
				v.B = right(at)
			} else {
				v.A = left(at)
			}
			in.Add(plan.Meta{Seq: uint64(at + 1), Time: at}, record{Key: key, Start: at, Value: v})
		})
		consumer.Consume(&in)
		op.Advance(frontier)
		if batches++; batches%200 == 0 {
			if err := state.Snapshot(discard{}, false); err != nil {
				b.Fatal(err)
			}
			state.Settle(true)
		}
	}, func() int { return out.n }
}

type discard struct{}

func (discard) Add([]byte) error { return nil }

func number(at int64) uint64      { return uint64(at) }
func pointer(at int64) *uint64    { v := uint64(at); return &v }
func numbers() plan.Codec[uint64] { return plan.UsualCodec[uint64]() }
func sum(a, b *uint64) uint64     { return *a + *b }

// BenchmarkJoin is an inner join over an interval of event time.
func BenchmarkJoin(b *testing.B) {
	beside(b, func(b *testing.B) (func(), func() int) {
		return sidedKernel(b, 50, number, number, func(n *plan.Node, rt *plan.Runtime, out plan.Operator) (plan.Operator, error) {
			n.Rule.Lateness = 0
			return kernel.Join[string](n, rt, []plan.Operator{out}, kernel.Joining[uint64, uint64, uint64]{
				Before: benchReach, After: benchReach, Pair: sum, A: numbers(), B: numbers(),
			})
		})
	}, func(*testing.B) (func(), func() int) {
		f, n := newFeed(50), 0
		type kept struct {
			at int64
			v  uint64
		}
		type due struct {
			at    int64
			key   string
			right bool
		}
		var sides [2]map[string][]kept
		sides[0], sides[1] = make(map[string][]kept), make(map[string][]kept)
		var queue []due
		out := make([]uint64, 0, benchBatch)
		return func() {
			out = out[:0]
			frontier := f.each(func(at int64, key string, right bool) {
				own, other := 0, 1
				if right {
					own, other = 1, 0
				}
				for _, k := range sides[other][key] {
					if k.at >= at-benchReach && k.at <= at+benchReach {
						out = append(out, uint64(at)+k.v)
					}
				}
				sides[own][key] = append(sides[own][key], kept{at, uint64(at)})
				queue = append(queue, due{at + benchReach + 1, key, right})
			})
			for len(queue) > 0 && queue[0].at <= frontier {
				side := sides[0]
				if queue[0].right {
					side = sides[1]
				}
				if all := side[queue[0].key]; len(all) > 1 {
					side[queue[0].key] = all[1:]
				} else {
					delete(side, queue[0].key)
				}
				queue = queue[1:]
			}
			n += len(out)
		}, func() int { return n }
	})
}

// BenchmarkLookup asks a table that changes with each tenth record.
func BenchmarkLookup(b *testing.B) {
	beside(b, func(b *testing.B) (func(), func() int) {
		return sidedKernel(b, 10, number, pointer, func(n *plan.Node, rt *plan.Runtime, out plan.Operator) (plan.Operator, error) {
			return kernel.Lookup[string](n, rt, []plan.Operator{out}, kernel.Looking[uint64, uint64, uint64]{
				Pair: sum, A: numbers(), B: kernel.NullCodec(numbers()),
			})
		})
	}, func(*testing.B) (func(), func() int) {
		f, n := newFeed(10), 0
		type version struct {
			at int64
			v  uint64
		}
		type asked struct {
			at  int64
			key string
			v   uint64
		}
		table := make(map[string][]version)
		var waiting []asked
		out := make([]uint64, 0, benchBatch)
		return func() {
			out = out[:0]
			frontier := f.each(func(at int64, key string, right bool) {
				if right {
					table[key] = append(table[key], version{at, uint64(at)})
				} else {
					waiting = append(waiting, asked{at, key, uint64(at)})
				}
			}) - benchReach
			for len(waiting) > 0 && waiting[0].at < frontier {
				w := waiting[0]
				waiting = waiting[1:]
				versions := table[w.key]
				for len(versions) > 1 && versions[1].at <= w.at {
					versions = versions[1:]
				}
				if len(versions) > 0 && versions[0].at <= w.at {
					table[w.key] = versions
					out = append(out, w.v+versions[0].v)
				}
			}
			n += len(out)
		}, func() int { return n }
	})
}

// BenchmarkEnrich pairs records with entries that are written once, and are there.
func BenchmarkEnrich(b *testing.B) {
	once := func(int64) uint64 { return 7 }
	beside(b, func(b *testing.B) (func(), func() int) {
		return sidedKernel(b, 10, number, once, func(n *plan.Node, rt *plan.Runtime, out plan.Operator) (plan.Operator, error) {
			return kernel.Enrich[string](n, rt, []plan.Operator{out}, kernel.Enriching[uint64, uint64, uint64]{Pair: sum, A: numbers(), B: numbers()})
		})
	}, func(*testing.B) (func(), func() int) {
		f, n := newFeed(10), 0
		table, waiting := make(map[string]uint64), make(map[string][]uint64)
		out := make([]uint64, 0, benchBatch)
		return func() {
			out = out[:0]
			f.each(func(at int64, key string, right bool) {
				v, ok := table[key]
				switch {
				case right && !ok:
					table[key] = 7
					for _, w := range waiting[key] {
						out = append(out, w+7)
					}
					delete(waiting, key)
				case right:
				case ok:
					out = append(out, uint64(at)+v)
				default:
					waiting[key] = append(waiting[key], uint64(at))
				}
			})
			n += len(out)
		}, func() int { return n }
	})
}
