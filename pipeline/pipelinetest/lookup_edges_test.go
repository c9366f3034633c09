package pipelinetest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// moments makes a log of readings of one sensor: each is its second, and its value.
func moments(read string, all ...[2]int64) pipelinetest.Log {
	l := pipelinetest.Log{Read: read}
	for _, m := range all {
		data, _ := json.Marshal(reading{Sensor: "s", At: begin + m[0], Value: uint64(m[1])})
		l.Messages = append(l.Messages, data)
	}
	return l
}

// A table is forgotten as far as nobody can ask for it, and not further: the edges of that.
func TestLookupEdges(t *testing.T) {
	t.Parallel()
	const lateness = 5
	for name, c := range map[string]struct {
		stream, table [][2]int64
		want          []string
		late          int
	}{
		"the instant itself counts": {
			stream: [][2]int64{{1, 1}, {2, 2}, {3, 3}}, table: [][2]int64{{2, 6}},
			want: []string{"s@1=1 with nothing", "s@2=2 with s@2=6", "s@3=3 with s@2=6"},
		},
		"the newest entry stays for as long as it takes": {
			stream: [][2]int64{{1, 1}, {900, 2}}, table: [][2]int64{{0, 6}, {1, 9}, {800, 7}}, // 7 deletes
			want: []string{"s@1=1 with s@1=9", "s@900=2 with nothing"},
		},
		"a deletion that is forgotten has deleted": {
			stream: [][2]int64{{1, 1}, {40, 2}, {60, 3}}, table: [][2]int64{{0, 6}, {20, 7}, {30, 7}, {50, 9}, {51, 7}, {70, 6}},
			want: []string{"s@1=1 with s@0=6", "s@40=2 with nothing", "s@60=3 with nothing"},
		},
		// The frontier has come to 10, where the deletion is, when another change of that instant comes, which is not late.
		"a deletion wins over what comes at its own instant at the last moment": {
			stream: [][2]int64{{9, 1}, {10, 2}, {30, 3}}, table: [][2]int64{{0, 6}, {10, 7}, {10 + lateness, 7}, {10, 9}, {20, 7}},
			want: []string{"s@9=1 with s@0=6", "s@10=2 with nothing", "s@30=3 with nothing"},
		},
		"the greater of two values wins, whichever is first": {
			stream: [][2]int64{{3, 1}, {5, 2}}, table: [][2]int64{{2, 9}, {2, 6}, {4, 6}, {4, 9}},
			want: []string{"s@3=1 with s@2=9", "s@5=2 with s@4=9"},
		},
		"what is late on either side is in the late stream, and changes nothing": {
			stream: [][2]int64{{20, 1}, {15, 2}, {14, 3}, {40, 4}}, table: [][2]int64{{0, 6}, {30, 9}, {25, 8}, {24, 6}},
			want: []string{"s@20=1 with s@0=6", "s@15=2 with s@0=6", "s@40=4 with s@30=9"}, late: 2,
		},
	} {
		in := []pipelinetest.Log{moments("left", c.stream...), moments("right", c.table...)}
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("edges")
			all := operators.LeftLookup("all", readings(p, "left", 1), operators.TableOf(readings(p, "right", 1), gone), operators.Watermark(lateness*time.Second),
				func(a reading, b *reading) string { return pairText(&a, b) })
			pipeline.Write(p, "all", all, nowhere("all"), pipeline.EncodeText)
			return p
		}, in, pipelinetest.Options{Rounds: 60})
		for i := range c.want {
			c.want[i] = "final " + c.want[i]
		}
		want(t, out, "all", c.want...)
		if len(out.Rejected) != c.late || t.Failed() {
			t.Errorf("%s: %d late, want %d", name, len(out.Rejected), c.late)
		}
	}
}

// A lookup closes by what registered producers promise, and Explain says what each join waits for.
func TestExplainWaitsOfJoins(t *testing.T) {
	t.Parallel()
	p := pipeline.New("waits")
	left, right := readings(p, "left", 2), readings(p, "right", 1)
	when := operators.Watermark(3 * time.Second)
	text := func(s operators.Stream[string], name string) {
		pipeline.Write(p, name, s, nowhere(name), pipeline.EncodeText)
	}
	text(operators.LeftLookup("looked-up", left, operators.TableOf(right, gone), when, func(a reading, b *reading) string { return pairText(&a, b) }), "a")
	text(operators.Enrich("enriched", left, right, func(a, b reading) string { return pairText(&a, &b) }), "b")
	text(operators.LeftEnrich("left-enriched", left, right, when, func(a reading, b *reading) string { return pairText(&a, b) }), "f")
	pipeline.Write(p, "c", operators.AntiJoin("unmatched", left, right, operators.Interval{After: time.Second}), nowhere("c"), readingText)
	text(operators.MinusKeys("missing", left, right, operators.EndOfInput()), "d")
	pipeline.Write(p, "e", operators.JoinTables("rows", operators.TableOf(left, nil), operators.TableOf(right, nil), when, func(a, b reading) string { return "" }), nowhere("e"), changeText)
	explained, err := p.Explain()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"left-lookup looked-up (pipelinetest/lookup_edges_test.go:", "waits for all 3 shards of left, right to pass the instant of the record by 3s",
		"because what the table has at an instant can change until nothing can come before it any more",
		"anti-join unmatched (", "to pass the last instant that can match by 0s",
		"seal missing (", "waits for the end marker of all 3 shards of left, right",
		"join-tables rows (", "to pass the instant of the change by 3s",
		"left-enrich left-enriched (", "because that its key has no entry can change until then; pairs leave at once",
		"to func c; final", "to func b; stable",
	} {
		if !strings.Contains(explained, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if _, points, _ := strings.Cut(explained, "points of order"); strings.Contains(points, "\n  enrich ") {
		t.Error("an enrich waits for nobody")
	}
	if t.Failed() {
		t.Log(explained)
	}
}

// What makes no sense is reported where it is written.
func TestMistakesWithTables(t *testing.T) {
	t.Parallel()
	type keyed = operators.Keyed[string, reading]
	pair := func(a, b reading) string { return "" }
	for want, build := range map[string]func(left, right keyed) operators.Stream[string]{
		"lookup: no sealing is given": func(left, right keyed) operators.Stream[string] {
			return operators.Lookup("l", left, operators.TableOf(right, nil), operators.Sealing{}, pair)
		},
		"nobody can promise anything for": func(left, right keyed) operators.Stream[string] {
			return operators.Lookup("l", left, operators.TableOf(right, nil), operators.Punctuation(), pair)
		},
		"lookup: its inputs have windows": func(left, right keyed) operators.Stream[string] {
			hours := operators.Tumbling(time.Hour)
			return operators.Lookup("l", operators.Window(left, hours), operators.TableOf(operators.Window(right, hours), nil), operators.EndOfInput(), pair)
		},
		"lookup: its inputs have different windows": func(left, right keyed) operators.Stream[string] {
			return operators.Lookup("l", left, operators.TableOf(operators.Window(right, operators.Tumbling(time.Hour)), nil), operators.EndOfInput(), pair)
		},
		"lookup: the function is nil": func(left, right keyed) operators.Stream[string] {
			return operators.Lookup[string, reading, reading, string]("l", left, operators.TableOf(right, nil), operators.EndOfInput(), nil)
		},
		"lookup: one of its inputs is a zero value": func(left, right keyed) operators.Stream[string] {
			operators.Lookup("l", left, operators.Table[string, reading]{}, operators.EndOfInput(), pair)
			return operators.Map(operators.Records(left), sensorIn)
		},
		"enrich: its inputs are keyed by different attributes": func(left, right keyed) operators.Stream[string] {
			return operators.Enrich("e", left, operators.KeyBy(operators.Records(right), "other", sensorIn), pair)
		},
		"left-enrich: no sealing is given": func(left, right keyed) operators.Stream[string] {
			return operators.LeftEnrich("e", left, right, operators.Sealing{}, func(reading, *reading) string { return "" })
		},
		"left-enrich: the function is nil": func(left, right keyed) operators.Stream[string] {
			return operators.LeftEnrich[string, reading, reading, string]("e", left, right, operators.EndOfInput(), nil)
		},
		"minus-keys: its inputs have different windows": func(left, right keyed) operators.Stream[string] {
			return operators.MinusKeys("m", left, operators.Window(right, operators.Tumbling(time.Hour)), operators.EndOfInput())
		},
		"a watermark never closes the global window": func(left, right keyed) operators.Stream[string] {
			return operators.MinusKeys("m", left, right, operators.Watermark(0))
		},
		"the interval must lie between 0 and": func(left, right keyed) operators.Stream[string] {
			return operators.Map(operators.AntiJoin("a", left, right, operators.Interval{Before: -1}), sensorIn)
		},
		"only tumbling and hopping windows have an offset": func(left, right keyed) operators.Stream[string] {
			return operators.MinusKeys("m", operators.Window(left, operators.Sessions(time.Hour).Offset(time.Minute)), right, operators.EndOfInput())
		},
		"the size of a window must be positive": func(left, right keyed) operators.Stream[string] {
			return operators.MinusKeys("m", operators.Window(left, operators.Tumbling(0).Offset(time.Minute)), right, operators.EndOfInput())
		},
	} {
		p := pipeline.New("mistakes")
		pipeline.Write(p, "out", build(readings(p, "left", 1), readings(p, "right", 1)), nowhere("out"), pipeline.EncodeText)
		_, err := p.Explain()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(fmt.Sprint(err), "lookup_edges_test.go:") {
			t.Errorf("%q: %v", want, err)
		}
	}
}
