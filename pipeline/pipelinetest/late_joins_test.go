package pipelinetest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// lateLength and lateWindow are, in seconds, by how much records may trail and how long windows are in the tests of late records.
const lateLength, lateWindow = 8, 10

// pairing makes an operator of two streams and writes what it yields.
type pairing struct {
	// windows says that it goes by windows and not by instants.
	windows bool
	make    func(p *pipeline.Pipeline, left, right operators.Keyed[string, reading]) operators.Stateful
}

// written writes a stream and returns it.
func written[T any](p *pipeline.Pipeline, in operators.Stream[T]) operators.Stream[T] {
	pipeline.Write(p, "out", in, nowhere("out"), pipeline.EncodeJSON)
	return in
}

// pairings are all operators with two inputs that go by time.
func pairings() map[string]pairing {
	type keyed = operators.Keyed[string, reading]
	within := operators.Interval{Before: 2 * time.Second, After: 5 * time.Second, Lateness: lateLength * time.Second}
	when := operators.Watermark(lateLength * time.Second)
	table := func(in keyed) operators.Table[string, reading] { return operators.TableOf(in, gone) }
	text := func(a, b reading) string { return pairText(&a, &b) }
	return map[string]pairing{
		"join": {make: func(p *pipeline.Pipeline, l, r keyed) operators.Stateful {
			return written(p, operators.Join("s", l, r, within, text))
		}},
		"left join": {make: func(p *pipeline.Pipeline, l, r keyed) operators.Stateful {
			return written(p, operators.LeftJoin("s", l, r, within, pairText))
		}},
		"outer join": {make: func(p *pipeline.Pipeline, l, r keyed) operators.Stateful {
			return written(p, operators.OuterJoin("s", l, r, within, pairText))
		}},
		"anti join": {make: func(p *pipeline.Pipeline, l, r keyed) operators.Stateful {
			return written(p, operators.AntiJoin("s", l, r, within))
		}},
		"lookup": {make: func(p *pipeline.Pipeline, l, r keyed) operators.Stateful {
			return written(p, operators.Lookup("s", l, table(r), when, text))
		}},
		"left lookup": {make: func(p *pipeline.Pipeline, l, r keyed) operators.Stateful {
			return written(p, operators.LeftLookup("s", l, table(r), when, func(a reading, b *reading) string { return pairText(&a, b) }))
		}},
		"left enrich": {make: func(p *pipeline.Pipeline, l, r keyed) operators.Stateful {
			return written(p, operators.LeftEnrich("s", l, r, when, func(a reading, b *reading) string { return pairText(&a, nil) }))
		}},
		"join of tables": {make: func(p *pipeline.Pipeline, l, r keyed) operators.Stateful {
			return written(p, operators.OuterJoinTables("s", table(l), table(r), when, pairText))
		}},
		"cogroup": {windows: true, make: func(p *pipeline.Pipeline, l, r keyed) operators.Stateful {
			from := func(side string) func(reading) crdt.GSet[string] {
				return func(r reading) crdt.GSet[string] { return crdt.GSetOf(fmt.Sprint(side, r)) }
			}
			both := operators.Cogroup("s", l, from("left"), r, from("right"))
			pipeline.Write(p, "out", operators.Finals(operators.Seal(both, when)), nowhere("out"), func(f operators.Final[string, crdt.GSet[string]]) ([]byte, error) {
				return fmt.Append(nil, f.Value.Len()), nil
			})
			return both
		}},
		"minus": {windows: true, make: func(p *pipeline.Pipeline, l, r keyed) operators.Stateful {
			return written(p, operators.Minus("s", l, valueIn, r, valueIn, when))
		}},
		"minus keys": {windows: true, make: func(p *pipeline.Pipeline, l, r keyed) operators.Stateful {
			return written(p, operators.MinusKeys("s", l, r, when))
		}},
	}
}

// lateIn returns the late records of one side, by the definition.
func lateIn(in []pipelinetest.Log, read string, windows bool) (late []string) {
	for _, l := range in {
		seen := int64(-1 << 40)
		for _, r := range readingsOf(l) {
			due := r.At + 1
			if windows {
				due = r.At - r.At%lateWindow + lateWindow
			}
			if l.Read == read && seen-lateLength >= due {
				text, _ := readingText(r)
				late = append(late, "stable "+string(text))
			}
			seen = max(seen, r.At)
		}
	}
	return late
}

// Guarantee 5 for what is made of two streams: the late records of either side can be had, and are those, and no others, that go to the
// late subject.
func TestLateForEitherSide(t *testing.T) {
	t.Parallel()
	for name, of := range pairings() {
		for _, shards := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s, shards=%d", name, shards), func(t *testing.T) {
				t.Parallel()
				in := inputs(shards, 40)
				out := pipelinetest.Check(t, func() *pipeline.Pipeline {
					p := pipeline.New("late")
					left, right := readings(p, "left", shards), readings(p, "right", shards)
					if of.windows {
						left, right = operators.Window(left, operators.Tumbling(lateWindow*time.Second)), operators.Window(right, operators.Tumbling(lateWindow*time.Second))
					}
					state := of.make(p, left, right)
					pipeline.Write(p, "left-late", operators.Late(left, state), nowhere("left-late"), readingText)
					pipeline.Write(p, "right-late", operators.Late(right, state), nowhere("right-late"), readingText)
					return p
				}, in, pipelinetest.Options{Rounds: 12 / shards})
				left, right := lateIn(in, "left", of.windows), lateIn(in, "right", of.windows)
				if len(left) == 0 || len(right) == 0 {
					t.Fatalf("the input shows too little: %d and %d late", len(left), len(right))
				}
				want(t, out, "left-late", left...)
				want(t, out, "right-late", right...)
				if out.Late != len(left)+len(right) { // the inputs of "left enrich" also break its rule, which makes dead letters
					t.Errorf("%d late records, want %d and %d", out.Late, len(left), len(right))
				}
			})
		}
	}
}

// Each record of a lookup's stream, and each of a cogroup's two, is in exactly one of final results, late records and dead letters.
func TestAccountsOfTwoStreams(t *testing.T) {
	t.Parallel()
	one := func(pipelinetest.Result) (uint64, error) { return 1, nil }
	in := inputs(2, 40)
	in[3].Messages = in[3].Messages[:20] // so that the sides differ
	for name, account := range map[string]pipelinetest.Account{
		"left lookup": {Write: "out", Reads: []string{"left"}, Records: one},
		"cogroup":     {Write: "out", Records: records},
	} {
		of := pairings()[name]
		build := func() *pipeline.Pipeline {
			p := pipeline.New("accounts")
			left, right := readings(p, "left", 2), readings(p, "right", 2)
			if of.windows {
				left, right = operators.Window(left, operators.Tumbling(lateWindow*time.Second)), operators.Window(right, operators.Tumbling(lateWindow*time.Second))
			}
			of.make(p, left, right)
			return p
		}
		out := pipelinetest.Check(t, build, in, pipelinetest.Options{Rounds: 8, Owners: 2, Accounts: []pipelinetest.Account{account}})
		if out.Late == 0 || len(out.Rejected) == out.Late {
			t.Errorf("%s: %d late of %d rejected: the test has not met each kind", name, out.Late, len(out.Rejected))
		}
		account.Reads = []string{"right"}
		if _, err := pipelinetest.Run(build, in, pipelinetest.Options{Rounds: 1, Accounts: []pipelinetest.Account{account}}); err == nil || !strings.Contains(err.Error(), "records were read above write out") {
			t.Errorf("%s: an account of the other side alone: %v", name, err)
		}
	}
}

// A stream that is both inputs yields a late record once.
func TestLateForBothSides(t *testing.T) {
	t.Parallel()
	in := inputs(1, 40)[:1]
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("self")
		left := readings(p, "left", 1)
		state := pairings()["join"].make(p, left, left)
		pipeline.Write(p, "late", operators.Late(left, state), nowhere("late"), readingText)
		return p
	}, in, pipelinetest.Options{Rounds: 5})
	want(t, out, "late", lateIn(in, "left", false)...)
}

// The same goes for a Deduplicate; and what can be late for nothing is refused.
func TestLateForOtherStates(t *testing.T) {
	t.Parallel()
	in := inputs(1, 40)[:1]
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("ids")
		ids := operators.Window(readings(p, "left", 1), operators.Tumbling(lateWindow*time.Second))
		once := written(p, operators.Deduplicate("ids", ids, lateLength*time.Second))
		pipeline.Write(p, "late", operators.Late(ids, once), nowhere("late"), readingText)
		return p
	}, in, pipelinetest.Options{Rounds: 5})
	if late := lateIn(in, "left", true); len(late) == 0 || out.Late != len(late) {
		t.Errorf("%d late, want %d", out.Late, len(late))
	}
	want(t, out, "late", lateIn(in, "left", true)...)

	for wanted, of := range map[string]func(p *pipeline.Pipeline, left, right operators.Keyed[string, reading]) operators.Stateful{
		"keeps no state; give what the aggregate or the join itself yields": func(p *pipeline.Pipeline, left, right operators.Keyed[string, reading]) operators.Stateful {
			return operators.Map(operators.Join("s", left, right, operators.Interval{}, func(a, _ reading) reading { return a }), func(r reading) uint64 { return r.Value })
		},
		"is not made of this keyed stream": func(p *pipeline.Pipeline, _, right operators.Keyed[string, reading]) operators.Stateful {
			return operators.Join("s", right, right, operators.Interval{}, func(a, _ reading) reading { return a })
		},
		"no record is late for enrich s": func(p *pipeline.Pipeline, left, right operators.Keyed[string, reading]) operators.Stateful {
			return operators.Enrich("s", left, right, func(a, _ reading) reading { return a })
		},
		"late: the state is a zero value": func(*pipeline.Pipeline, operators.Keyed[string, reading], operators.Keyed[string, reading]) operators.Stateful {
			return operators.Stream[string]{}
		},
		"late: the state is a zero": func(*pipeline.Pipeline, operators.Keyed[string, reading], operators.Keyed[string, reading]) operators.Stateful {
			return nil
		},
	} {
		p := pipeline.New("refused")
		left := readings(p, "left", 1)
		pipeline.Write(p, "late", operators.Late(left, of(p, left, readings(p, "right", 1))), nowhere("late"), readingText)
		if err := p.Err(); err == nil || !strings.Contains(err.Error(), wanted) || !strings.Contains(err.Error(), "late_joins_test.go") {
			t.Errorf("%s: %v", wanted, err)
		}
	}
}
