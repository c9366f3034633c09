package operators_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/exact"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
	"github.com/calmstream/calmstream/sinks"
)

// midnight is when the first message of a log is stored.
const midnight = 1704067200

// bid is a record of the tests: some are equal, and many are at the same time.
type bid struct {
	Item  string `json:"item"`
	At    int64  `json:"at"`
	Value int64  `json:"value"`
}

func (b bid) time() time.Time { return time.Unix(b.At, 0) }
func (b bid) item() string    { return b.Item }
func (b bid) value() int64    { return b.Value }

// bids makes logs that are out of order, with late records.
func bids(shards, n int) (in []pipelinetest.Log) {
	rng := rand.New(rand.NewPCG(uint64(shards), uint64(n)))
	for shard := range shards {
		l := pipelinetest.Log{Read: "bids", Shard: shard}
		for i := range n {
			b := bid{Item: string(rune('a' + rng.IntN(3))), At: midnight + int64(i-rng.IntN(6)), Value: int64(rng.IntN(9)*rng.IntN(20) - 60)}
			if i%13 == 12 {
				b.At -= 20
			}
			data, _ := json.Marshal(b)
			l.Messages = append(l.Messages, data)
			if rng.IntN(4) == 0 {
				l.Messages = append(l.Messages, data)
			}
		}
		in = append(in, l)
	}
	return in
}

func readBids(p *pipeline.Pipeline, shards int) operators.Stream[bid] {
	var subjects []string
	for i := range shards {
		subjects = append(subjects, fmt.Sprintf("bids.%d", i))
	}
	return pipeline.Read(p, "bids", pipeline.Source[bid]{Stream: "BIDS", Subjects: subjects, Decode: pipeline.JSON[bid], Time: bid.time})
}

// decoded returns the bids of a log.
func decoded(t *testing.T, l pipelinetest.Log) (all []bid) {
	t.Helper()
	for _, data := range l.Messages {
		var b bid
		if err := json.Unmarshal(data, &b); err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

const lateness = 8

// windowing is a kind of windows, and what of it by definition: the windows of the bids of one item, and which bids are late.
type windowing struct {
	name    string
	windows operators.Windows
	sealing operators.Sealing
	cut     func(of []bid) map[string][]bid
	late    func(b bid, seen int64) bool
}

func spanOf(from, to int64) string { return fmt.Sprintf("%d-%d", from-midnight, to-midnight) }

var windowings = []windowing{
	{
		name: "tumbling", windows: operators.Tumbling(10 * time.Second), sealing: operators.Watermark(lateness * time.Second),
		cut: func(of []bid) map[string][]bid {
			out := map[string][]bid{}
			for _, b := range of {
				start := b.At - b.At%10
				out[spanOf(start, start+10)] = append(out[spanOf(start, start+10)], b)
			}
			return out
		},
		late: func(b bid, seen int64) bool { return seen-lateness >= b.At-b.At%10+10 },
	},
	{
		name: "sessions", windows: operators.Sessions(2 * time.Second), sealing: operators.Watermark(lateness * time.Second),
		cut: func(of []bid) map[string][]bid {
			out := map[string][]bid{}
			of = slices.SortedFunc(slices.Values(of), func(a, b bid) int { return int(a.At - b.At) })
			for i := 0; i < len(of); {
				j := i + 1
				for j < len(of) && of[j].At-of[j-1].At < 2 {
					j++
				}
				out[spanOf(of[i].At, of[j-1].At+2)] = of[i:j]
				i = j
			}
			return out
		},
		late: func(b bid, seen int64) bool { return seen-lateness > b.At },
	},
	{
		name: "global", windows: operators.GlobalWindow(), sealing: operators.EndOfInput(),
		cut:  func(of []bid) map[string][]bid { return map[string][]bid{"global": of} },
		late: func(bid, int64) bool { return false },
	},
	{
		// Hopping windows are what tumbling ones are, but that a record is in two.
		name: "hopping", windows: operators.Hopping(10*time.Second, 5*time.Second), sealing: operators.EndOfInput(),
		cut: func(of []bid) map[string][]bid {
			out := map[string][]bid{}
			for _, b := range of {
				for _, start := range []int64{b.At - b.At%5, b.At - b.At%5 - 5} {
					out[spanOf(start, start+10)] = append(out[spanOf(start, start+10)], b)
				}
			}
			return out
		},
		late: func(bid, int64) bool { return false },
	},
}

// answer writes what text says of each sealed state.
func answer[L any](p *pipeline.Pipeline, name string, sealing operators.Sealing, g operators.Growing[string, L], text func(*L) string) {
	pipeline.Write(p, name, operators.Finals(operators.Seal(g, sealing)), sinks.Func{Name: name}, func(f operators.Final[string, L]) ([]byte, error) {
		span := "global"
		if !f.Window.IsGlobal() {
			span = spanOf(f.Window.Start/1e9, f.Window.End/1e9)
		}
		return fmt.Appendf(nil, "%s %s: %s", f.Key, span, text(&f.Value)), nil
	})
}

// Each aggregate says what a loop over the records says that are not late, in each kind of windows, whatever the schedule, the number of
// shards and the order of the records.
func TestAggregates(t *testing.T) {
	t.Parallel()
	for _, w := range windowings {
		for _, shards := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s,shards=%d", w.name, shards), func(t *testing.T) {
				t.Parallel()
				in := bids(shards, 70/shards)
				out := pipelinetest.Check(t, func() *pipeline.Pipeline {
					p := pipeline.New("aggregates")
					items := operators.Window(operators.KeyBy(readBids(p, shards), "item", bid.item), w.windows)
					for _, a := range aggregates {
						a.build(p, a.name, w.sealing, items)
					}
					return p
				}, in, pipelinetest.Options{Rounds: 12})
				groups, late := grouped(t, in, w)
				if len(groups) < 3 || w.name == "tumbling" && late == 0 {
					t.Fatalf("the input shows too little: %d groups, %d late", len(groups), late)
				}
				for _, a := range aggregates {
					var want []string
					for group, of := range groups {
						want = append(want, group+": "+a.model(of))
					}
					compare(t, out, a.name, want)
				}
				if got := len(out.Rejected); got != late*len(aggregates) {
					t.Errorf("%d late records, want %d for each of %d aggregates", got, late, len(aggregates))
				}
			})
		}
	}
}

// grouped puts the bids of all logs that are not late into their windows.
func grouped(t *testing.T, in []pipelinetest.Log, w windowing) (groups map[string][]bid, late int) {
	t.Helper()
	byItem := map[string][]bid{}
	for _, l := range in {
		seen := int64(-1 << 40)
		for _, b := range decoded(t, l) {
			if w.late(b, seen) {
				late++
			} else {
				byItem[b.Item] = append(byItem[b.Item], b)
			}
			seen = max(seen, b.At)
		}
	}
	groups = map[string][]bid{}
	for item, of := range byItem {
		for span, some := range w.cut(of) {
			groups[item+" "+span] = some
		}
	}
	return groups, late
}

// compare holds the payloads of a Write against what they must be.
func compare(t *testing.T, out pipelinetest.Outcome, write string, want []string) {
	t.Helper()
	var got []string
	for _, r := range out.Results {
		if r.Write == write {
			got = append(got, r.Payload)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: got\n  %s\nwant\n  %s", write, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// What only grows is answered before the seal, and once for each window.
func TestThresholdsOverAggregates(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 2} {
		in := bids(shards, 60)
		w := windowings[0]
		ask := func(p *pipeline.Pipeline, name string, s operators.Stream[string]) {
			pipeline.Write(p, name, s, sinks.Func{Name: name}, pipeline.EncodeText)
		}
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("thresholds")
			items := operators.Window(operators.KeyBy(readBids(p, shards), "item", bid.item), w.windows)
			ask(p, "max", operators.Threshold(operators.Max("m", items, bid.value), crdt.MaxAtLeast[int64](20)))
			ask(p, "min", operators.Threshold(operators.Min("n", items, bid.value), crdt.MinAtMost[int64](-60)))
			ask(p, "added", operators.Threshold(operators.SumSigned("s", items, bid.value), exact.AddedAtLeast(20)))
			ask(p, "distinct", operators.Threshold(operators.Distinct("d", items, bid.value), crdt.SizeAtLeast[int64](3)))
			ask(p, "terms", operators.Threshold(operators.Average("a", items, bid.value), exact.CountAtLeast(4)))
			return p
		}, in, pipelinetest.Options{Rounds: 20})
		// Nothing is late: no seal says when it would be.
		groups, _ := grouped(t, in, windowing{cut: w.cut, late: func(bid, int64) bool { return false }})
		want := map[string][]string{}
		for group, of := range groups {
			values := map[int64]bool{}
			most, least, added := of[0].Value, of[0].Value, int64(0)
			for _, b := range of {
				values[b.Value] = true
				most, least, added = max(most, b.Value), min(least, b.Value), added+max(b.Value, 0)
			}
			for name, holds := range map[string]bool{"max": most >= 20, "min": least <= -60, "added": added >= 20, "distinct": len(values) >= 3, "terms": len(of) >= 4} {
				if holds {
					want[name] = append(want[name], group[:1])
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			compare(t, out, name, want[name])
		}
		if len(want) != 5 {
			t.Errorf("only %d of the questions were ever answered", len(want))
		}
	}
}
