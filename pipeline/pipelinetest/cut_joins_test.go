package pipelinetest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// cutInputs makes two inputs with recorded cuts. Readings have the number of the cuts before them as their time, for the model to use.
func cutInputs(rng *rand.Rand, shards, cuts int) (in []pipelinetest.Log) {
	for _, read := range []string{"left", "right"} {
		for shard := range shards {
			l := pipelinetest.Log{Read: read, Shard: shard}
			for cut := range cuts + 1 {
				for range 1 + rng.IntN(5) {
					data, _ := json.Marshal(reading{Sensor: fmt.Sprint("s", rng.IntN(3)), At: int64(cut), Value: rng.Uint64N(12)})
					l.Messages, l.Headers = append(l.Messages, data), append(l.Headers, nil)
				}
				if cut < cuts {
					l.Messages, l.Headers = append(l.Messages, nil), append(l.Headers, seal.CutHeaders(uint64(cut+1)))
				}
			}
			in = append(in, l)
		}
	}
	return in
}

// cutSide reads one of them.
func cutSide(p *pipeline.Pipeline, name string, shards int) operators.Keyed[string, reading] {
	var subjects []string
	for i := range shards {
		subjects = append(subjects, fmt.Sprintf("%s.%d", name, i))
	}
	return bySensor(pipeline.Read(p, name, pipeline.Source[reading]{Stream: name, Subjects: subjects, Decode: pipeline.JSON[reading], Cuts: true}))
}

// newest returns of each key and cut the change with the largest value alone.
func newest(changes []reading) (all []reading) {
	type at struct {
		sensor string
		cut    int64
	}
	last := make(map[at]reading)
	for _, c := range changes {
		if old, ok := last[at{c.Sensor, c.At}]; !ok || c.Value > old.Value {
			last[at{c.Sensor, c.At}] = c
		}
	}
	for _, c := range last {
		all = append(all, c)
	}
	return all
}

// At recorded cuts a lookup and a join of tables say what a loop over all changes says for which the number of the cut is the time.
func TestLookupAtCuts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			shards := 1 + int(seed%3)
			in := cutInputs(rand.New(rand.NewPCG(seed, 11)), shards, 5)
			out := pipelinetest.Check(t, func() *pipeline.Pipeline {
				p := pipeline.New("cuts")
				left, right := cutSide(p, "left", shards), cutSide(p, "right", shards)
				when, pair := operators.RecordedCut(), func(a reading, b *reading) string { return pairText(&a, b) }
				text := func(name string, s operators.Stream[string]) {
					pipeline.Write(p, name, s, nowhere(name), pipeline.EncodeText)
				}
				text("all", operators.LeftLookup("alls", left, operators.TableOf(right, gone), when, pair))
				text("at-end", operators.LeftLookup("ends", left, operators.TableOf(right, gone), operators.EndOfInput(), pair))
				pipeline.Write(p, "rows", operators.OuterJoinTables("row", operators.TableOf(left, gone), operators.TableOf(right, gone), when, pairText), nowhere("rows"), changeText)
				// Of several changes between two cuts the newest alone, by a number of their own.
				last := operators.ArgMax("last", operators.Window(right, operators.Cuts()), valueIn, sensorIn)
				once := operators.Map(operators.Finals(operators.Seal(last, when)), func(f operators.Final[string, crdt.ArgMax[uint64, string]]) reading {
					value, _, _ := f.Value.Best()
					return reading{Sensor: f.Key, At: f.Window.Start, Value: value}
				})
				entries := bySensor(operators.Map(operators.Records(right), func(r reading) reading { return reading{Sensor: r.Sensor} }))
				text("rich", operators.LeftEnrich("enriched", left, entries, when, pair))
				text("newest", operators.LeftLookup("news", left, operators.TableOf(bySensor(once), gone), when, pair))
				return p
			}, in, pipelinetest.Options{Rounds: 24 / (1 + shards), Seed: seed + 1})
			var all, news, rich []string
			records, changes := sideOf(in, "left"), sideOf(in, "right")
			found := 0
			for i := range records {
				b := inForce(changes, records[i].Sensor, records[i].At)
				if b != nil {
					found++
				}
				all = append(all, "final "+pairText(&records[i], b))
				var entry *reading
				if at, ok := entryIn(changes, records[i].Sensor); ok && at <= records[i].At {
					entry = &reading{Sensor: records[i].Sensor}
				}
				rich = append(rich, "stable "+pairText(&records[i], entry))
				news = append(news, "final "+pairText(&records[i], inForce(newest(changes), records[i].Sensor, records[i].At)))
			}
			if found == 0 || found == len(all) || ties(changes) == 0 {
				t.Fatalf("the input shows too little: %d found of %d, %d ties", found, len(all), ties(changes))
			}
			want(t, out, "all", all...)
			want(t, out, "rich", rich...)
			want(t, out, "at-end", all...)
			want(t, out, "newest", news...)
			want(t, out, "rows", told(records, changes, true, true)...)
			if len(out.Rejected) > 0 {
				t.Errorf("rejected: %v", out.Rejected)
			}
		})
	}
}

// sideOf returns the readings of one input.
func sideOf(in []pipelinetest.Log, read string) (all []reading) {
	for _, l := range in {
		if l.Read == read {
			all = append(all, readingsOf(l)...)
		}
	}
	return all
}

// A lookup is answered when both inputs have come to the cut, and not before.
func TestLookupWaitsForItsCut(t *testing.T) {
	t.Parallel()
	p := pipeline.New("waits")
	all := operators.LeftLookup("all", cutSide(p, "left", 1), operators.TableOf(cutSide(p, "right", 1), gone), operators.RecordedCut(), func(a reading, b *reading) string { return pairText(&a, b) })
	pipeline.Write(p, "all", all, nowhere("all"), pipeline.EncodeText)
	d := pipelinetest.NewDriver(t, p)
	cut := func(read string, n uint64) {
		d.PushMessage(read, pipelinetest.Message{Header: seal.CutHeaders(n)})
	}
	say := func(want ...string) {
		t.Helper()
		var got []string
		for _, r := range d.Results("all") {
			got = append(got, fmt.Sprintf("%s %s: %s", r.Verdict, r.Window, r.Payload))
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	d.Push("left", `{"sensor":"s","at":1704067200,"value":1}`)
	cut("left", 1)
	say()
	d.Push("right", `{"sensor":"s","at":1704067200,"value":3}`) // it has come to no cut yet
	say()
	cut("right", 1)
	say("final cut 1: s@0=1 with s@0=3")
	d.Push("left", `{"sensor":"s","at":1704067200,"value":2}`)
	d.Push("right", `{"sensor":"s","at":1704067200,"value":5}`)
	say()
	d.End()
	say("final cut 2: s@0=2 with s@0=5")
}

// What goes by recorded cuts and what goes by time are not mixed.
func TestJoinsAndCutsInThePlan(t *testing.T) {
	t.Parallel()
	type keyed = operators.Keyed[string, reading]
	pair := func(a reading, b *reading) string { return pairText(&a, b) }
	for wanted, build := range map[string]func(cut, timed keyed) operators.Stream[string]{
		"left-lookup l goes by recorded cuts, but read timed": func(cut, timed keyed) operators.Stream[string] {
			return operators.LeftLookup("l", cut, operators.TableOf(timed, nil), operators.RecordedCut(), pair)
		},
		"left-lookup e goes by recorded cuts, but read timed": func(cut, timed keyed) operators.Stream[string] {
			return operators.LeftLookup("e", timed, operators.TableOf(cut, nil), operators.EndOfInput(), pair)
		},
		"left-lookup t goes by recorded cuts, but read timed": func(_, timed keyed) operators.Stream[string] {
			return operators.LeftLookup("t", timed, operators.TableOf(timed, nil), operators.RecordedCut(), pair)
		},
		"left-lookup w is about event time": func(cut, _ keyed) operators.Stream[string] {
			return operators.LeftLookup("w", cut, operators.TableOf(cut, nil), operators.Watermark(0), pair)
		},
		"left-join j is about event time": func(cut, _ keyed) operators.Stream[string] {
			return operators.LeftJoin("j", cut, cut, operators.Interval{}, pairText)
		},
		"count counts is about event time": func(cut, _ keyed) operators.Stream[string] {
			looked := operators.LeftLookup("l", cut, operators.TableOf(cut, nil), operators.RecordedCut(), pair)
			byText := operators.KeyBy(looked, "text", func(s string) string { return s })
			counts := operators.Count("counts", operators.Window(byText, operators.Tumbling(time.Second)))
			return operators.Map(operators.Finals(operators.Seal(counts, operators.Watermark(0))), func(f sum) string { return f.Key })
		},
		"count instants is about event time": func(cut, _ keyed) operators.Stream[string] {
			counts := operators.Count("instants", operators.Window(cut, operators.Tumbling(1)))
			return operators.Map(operators.Finals(operators.Seal(counts, operators.EndOfInput())), func(f sum) string { return f.Key })
		},
		"": func(cut, timed keyed) operators.Stream[string] { // what is written once has no time
			return operators.Enrich("e", cut, timed, func(a, b reading) string { return pairText(&a, &b) })
		},
	} {
		p := pipeline.New("plan")
		timed := bySensor(pipeline.Read(p, "timed", pipeline.Source[reading]{Stream: "TIMED", Decode: pipeline.JSON[reading], Time: reading.time}))
		pipeline.Write(p, "out", build(cutSide(p, "cut", 1), timed), nowhere("out"), pipeline.EncodeText)
		if err := p.Err(); wanted == "" && err != nil || wanted != "" && (err == nil || !strings.Contains(err.Error(), wanted)) {
			t.Errorf("%q: %v", wanted, err)
		}
	}
}
