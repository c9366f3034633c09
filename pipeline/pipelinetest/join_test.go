package pipelinetest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// inputs makes two inputs of readings, a little out of order, with some late and some broken ones.
func inputs(shards, n int) (in []pipelinetest.Log) {
	for _, read := range []string{"left", "right"} {
		for shard := range shards {
			l := pipelinetest.Log{Read: read, Shard: shard}
			for i := range n {
				k := i*len(read) + shard*3
				r := reading{Sensor: fmt.Sprintf("s%d", (k*k+1)%(7+4*shards)), At: int64(1704067200 + 2*i - (k*7)%6), Value: uint64(k)}
				if i%11 == 10 {
					r.At -= 30
				}
				data, _ := json.Marshal(r)
				if i%13 == 12 {
					data = []byte("{")
				}
				l.Messages = append(l.Messages, data)
			}
			in = append(in, l)
		}
	}
	return in
}

func readings(p *pipeline.Pipeline, name string, shards int) operators.Keyed[string, reading] {
	var subjects []string
	for i := range shards {
		subjects = append(subjects, fmt.Sprintf("%s.%d", name, i))
	}
	return bySensor(pipeline.Read(p, name, pipeline.Source[reading]{Stream: name, Subjects: subjects, Decode: pipeline.JSON[reading], Time: reading.time}))
}

func pairText(a, b *reading) string {
	text := func(r *reading) string {
		if r == nil {
			return "nothing"
		}
		return fmt.Sprintf("%s@%d=%d", r.Sensor, r.At-1704067200, r.Value)
	}
	return text(a) + " with " + text(b)
}

// onTime returns the readings of one side that are not late, and counts the late ones, by the definition.
func onTime(in []pipelinetest.Log, read string, lateness int64) (all []reading, late int) {
	for _, l := range in {
		if l.Read != read {
			continue
		}
		seen := int64(-1 << 40)
		for _, r := range readingsOf(l) {
			if seen-lateness > r.At {
				late++
			} else {
				all = append(all, r)
			}
			seen = max(seen, r.At)
		}
	}
	return all, late
}

// The joins say what a loop over all pairs says, whatever the schedule, and what is late is in the late stream.
func TestJoins(t *testing.T) {
	t.Parallel()
	const before, after, lateness = 2, 5, 8
	within := operators.Interval{Before: before * time.Second, After: after * time.Second, Lateness: lateness * time.Second}
	for _, shards := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("shards=%d", shards), func(t *testing.T) {
			t.Parallel()
			in := inputs(shards, 40)
			out := pipelinetest.Check(t, func() *pipeline.Pipeline {
				p := pipeline.New("joins")
				left, right := readings(p, "left", shards), readings(p, "right", shards)
				inner := operators.Join("inner", left, right, within, func(a, b reading) string { return pairText(&a, &b) })
				pipeline.Write(p, "inner", inner, nowhere("inner"), pipeline.EncodeText)
				pipeline.Write(p, "left", operators.LeftJoin("lefts", left, right, within, pairText), nowhere("left"), pipeline.EncodeText)
				pipeline.Write(p, "outer", operators.OuterJoin("outers", left, right, within, pairText), nowhere("outer"), pipeline.EncodeText)
				pipeline.Write(p, "anti", operators.AntiJoin("antis", left, right, within), nowhere("anti"), readingText)
				return p
			}, in, pipelinetest.Options{Rounds: 36 / (1 + shards)})
			lefts, lateLeft := onTime(in, "left", lateness)
			rights, lateRight := onTime(in, "right", lateness)
			var pairs, aloneLeft, aloneRight, anti []string
			matched := map[reading]bool{}
			for _, a := range lefts {
				for _, b := range rights {
					if a.Sensor == b.Sensor && b.At >= a.At-before && b.At <= a.At+after {
						pairs = append(pairs, "stable "+pairText(&a, &b))
						matched[a], matched[reading{Sensor: "right " + b.Sensor, At: b.At, Value: b.Value}] = true, true
					}
				}
				if !matched[a] {
					aloneLeft = append(aloneLeft, "stable "+pairText(&a, nil))
					text, _ := readingText(a)
					anti = append(anti, "final "+string(text))
				}
			}
			for _, b := range rights {
				if !matched[reading{Sensor: "right " + b.Sensor, At: b.At, Value: b.Value}] {
					aloneRight = append(aloneRight, "stable "+pairText(nil, &b))
				}
			}
			if len(pairs) < 10 || len(aloneLeft) < 1 || len(aloneRight) < 1 || lateLeft+lateRight == 0 {
				t.Fatalf("the input shows too little: %d pairs, %d and %d alone, %d late", len(pairs), len(aloneLeft), len(aloneRight), lateLeft+lateRight)
			}
			want(t, out, "inner", pairs...)
			want(t, out, "left", append(pairs[:len(pairs):len(pairs)], aloneLeft...)...)
			want(t, out, "outer", append(append(pairs[:len(pairs):len(pairs)], aloneLeft...), aloneRight...)...)
			want(t, out, "anti", anti...)
			if got := len(out.Rejected) - broken(in); got != 4*(lateLeft+lateRight) {
				t.Errorf("%d late records, want %d for each of four joins", got, lateLeft+lateRight)
			}
		})
	}
}

// What a join yields can be put into windows and sealed: none of it is late, and a window waits for what may still come.
func TestJoinedRecordsAreNotLate(t *testing.T) {
	t.Parallel()
	within := operators.Interval{Before: 2 * time.Second, After: 5 * time.Second, Lateness: 8 * time.Second}
	for _, shards := range []int{1, 2} {
		in := inputs(shards, 40)
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("joined")
			all := operators.OuterJoin("outers", readings(p, "left", shards), readings(p, "right", shards), within, pairText)
			pipeline.Write(p, "all", all, nowhere("all"), pipeline.EncodeText)
			sensor := operators.KeyBy(all, "first", func(s string) string { return s[:2] })
			counts := operators.Count("counts", operators.Window(sensor, operators.Tumbling(7*time.Second)))
			pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.Watermark(0))), nowhere("counts"),
				func(f tally) ([]byte, error) { return fmt.Append(nil, f.Value.Value()), nil })
			return p
		}, in, pipelinetest.Options{Rounds: 36 / (1 + shards)})
		if got, all := total(t, out, "counts"), uint64(len(contents(out, "all"))); got != all || all == 0 {
			t.Errorf("%d records are in sealed windows, of %d", got, all)
		}
		for place, why := range out.Rejected {
			if strings.HasPrefix(place, "count") {
				t.Errorf("%s: %s", place, why)
			}
		}
	}
}

// A function that panics costs the pair that it was called for, and nothing else.
func TestPairThatPanics(t *testing.T) {
	t.Parallel()
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("pairs")
		keyed := operators.KeyBy(input(p, "in", 1), "all", func(string) string { return "" })
		pairs := operators.Join("self", keyed, keyed, operators.Interval{Before: time.Hour, After: time.Hour}, func(a, b string) string {
			if a == "b" && b == "c" {
				panic("b and c")
			}
			return a + b
		})
		pipeline.Write(p, "pairs", pairs, nowhere("pairs"), pipeline.EncodeText)
		counts := operators.Count("counts", operators.KeyBy(pairs, "all", func(string) string { return "" }))
		pipeline.Write(p, "many", operators.Threshold(counts, crdt.AtLeast(8)), nowhere("many"), pipeline.EncodeText)
		return p
	}, []pipelinetest.Log{texts("in", 0, "a", "b", "c")}, pipelinetest.Options{})
	want(t, out, "pairs", "stable aa", "stable ab", "stable ac", "stable ba", "stable bb", "stable ca", "stable cb", "stable cc")
	want(t, out, "many", "stable ")
	if len(out.Rejected) != 1 {
		t.Errorf("rejected: %v", out.Rejected)
	}
}

// A match at the last instant of the interval is found although the frontier has come to that instant.
func TestMatchAtTheLastInstant(t *testing.T) {
	t.Parallel()
	at := func(read string, times ...int64) pipelinetest.Log {
		l := pipelinetest.Log{Read: read}
		for i, s := range times {
			data, _ := json.Marshal(reading{Sensor: "s", At: 1704067200 + s, Value: uint64(i)})
			l.Messages = append(l.Messages, data)
		}
		return l
	}
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("last")
		pairs := operators.LeftJoin("pairs", readings(p, "left", 1), readings(p, "right", 1), operators.Interval{After: 5 * time.Second}, pairText)
		pipeline.Write(p, "pairs", pairs, nowhere("pairs"), pipeline.EncodeText)
		return p
	}, []pipelinetest.Log{at("left", 0, 9), at("right", 5, 5, 6)}, pipelinetest.Options{})
	want(t, out, "pairs", "stable s@0=0 with s@5=0", "stable s@0=0 with s@5=1", "stable s@9=1 with nothing")
}
