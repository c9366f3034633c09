package pipelinetest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// Each record meets the entry of its key, whatever comes first and whatever the schedule, and windows below have them all.
func TestEnrich(t *testing.T) {
	t.Parallel()
	const size, lateness = 10, 8
	for _, shards := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("shards=%d", shards), func(t *testing.T) {
			t.Parallel()
			in := inputs(shards, 40)
			var entries []string
			for i := range 7 + 4*shards {
				if i%4 == 1 {
					continue // some sensors have none
				}
				entries = append(entries, fmt.Sprintf("s%d type %d", i, i*i%5))
			}
			slices.Reverse(entries)
			in = slices.DeleteFunc(in, func(l pipelinetest.Log) bool { return l.Read != "left" })
			in = append(in, texts("types", 0, append(entries, entries[3], entries[0])...))
			out := pipelinetest.Check(t, func() *pipeline.Pipeline {
				p := pipeline.New("enrich")
				table := operators.KeyBy(input(p, "types", 1), "sensor", func(s string) string { return strings.Fields(s)[0] })
				rich := operators.Enrich("rich", readings(p, "left", shards), table, func(r reading, entry string) string {
					text, _ := readingText(r)
					return string(text) + " " + entry
				})
				pipeline.Write(p, "rich", rich, nowhere("rich"), pipeline.EncodeText)
				counts := operators.Count("counts", operators.Window(operators.KeyBy(rich, "all", func(string) string { return "" }), operators.Tumbling(size*time.Second)))
				pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.Watermark(lateness*time.Second))), nowhere("counts"), encodeSum)
				return p
			}, in, pipelinetest.Options{Rounds: 48 / (1 + shards)})
			var wanted []string
			missing, late := 0, 0
			for _, l := range in[:len(in)-1] {
				seen := int64(-1 << 40)
				for _, r := range readingsOf(l) {
					text, _ := readingText(r)
					i := slices.IndexFunc(entries, func(s string) bool { return strings.HasPrefix(s, r.Sensor+" ") })
					switch {
					case i < 0:
						missing++
					case seen-lateness >= r.At-r.At%size+size:
						late++
						fallthrough
					default:
						wanted = append(wanted, "stable "+string(text)+" "+entries[i])
					}
					seen = max(seen, r.At)
				}
			}
			if missing == 0 || late == 0 || len(wanted) < 20 {
				t.Fatalf("the input shows too little: %d missing, %d late, %d wanted", missing, late, len(wanted))
			}
			want(t, out, "rich", wanted...)
			if got := total(t, out, "counts"); got != uint64(len(wanted)-late) {
				t.Errorf("%d records are in windows, want %d", got, len(wanted)-late)
			}
			if got := len(out.Rejected) - broken(in[:len(in)-1]); got != late {
				t.Errorf("%d late records, want %d", got, late)
			}
		})
	}
}

// A second entry of a key is reported, and one that is the same again is not.
func TestEnrichWrittenTwice(t *testing.T) {
	t.Parallel()
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("twice")
		left, right := operators.Split(input(p, "in", 1), func(s string) bool { return s[0] == 'l' })
		initial := func(s string) string { return s[1:2] }
		rich := operators.Enrich("rich", operators.KeyBy(left, "key", initial), operators.KeyBy(right, "key", initial), func(a, b string) string {
			if a == "lb" {
				panic("b")
			}
			return a + " " + b
		})
		pipeline.Write(p, "rich", rich, nowhere("rich"), pipeline.EncodeText)
		return p
	}, []pipelinetest.Log{texts("in", 0, "la1", "lb", "la2", "ra", "ra", "rax", "la3", "rb", "lb", "lb2")}, pipelinetest.Options{})
	want(t, out, "rich", "stable la1 ra", "stable la2 ra", "stable la3 ra", "stable lb2 rb")
	if len(out.Rejected) != 3 {
		t.Errorf("rejected: %v", out.Rejected)
	}
}

// entryIn returns the earliest time of the entry of a key, by the definition: seconds after begin.
func entryIn(entries []reading, sensor string) (at int64, ok bool) {
	for _, e := range entries {
		if e.Sensor == sensor && (!ok || e.At < at) {
			at, ok = e.At, true
		}
	}
	return at, ok
}

// Each record that is not late is in one result: with its entry, if that is written by then, else without. The loop over all says the same.
func TestLeftEnrich(t *testing.T) {
	t.Parallel()
	const lateness = 8
	for _, shards := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("shards=%d", shards), func(t *testing.T) {
			t.Parallel()
			in := inputs(shards, 40)
			entryText := func(a reading, b *reading) string {
				if b != nil {
					b = &reading{Sensor: b.Sensor}
				}
				return pairText(&a, b)
			}
			account := func(write string) pipelinetest.Account {
				return pipelinetest.Account{Write: write, Reads: []string{"left"}, Records: func(pipelinetest.Result) (uint64, error) { return 1, nil }}
			}
			out := pipelinetest.Check(t, func() *pipeline.Pipeline {
				p := pipeline.New("left-enrich")
				left := readings(p, "left", shards)
				once := operators.Map(operators.Records(readings(p, "right", shards)), func(r reading) reading { return reading{Sensor: r.Sensor} })
				table := bySensor(once)
				when := operators.Watermark(lateness * time.Second)
				rich := operators.LeftEnrich("rich", left, table, when, entryText)
				pipeline.Write(p, "rich", rich, nowhere("rich"), pipeline.EncodeText)
				pipeline.Write(p, "late", operators.Late(left, rich), nowhere("late"), readingText)
				pipeline.Write(p, "at-end", operators.LeftEnrich("at-end", left, table, operators.EndOfInput(), entryText), nowhere("at-end"), pipeline.EncodeText)
				counts := operators.Count("counts", operators.Window(operators.KeyBy(rich, "all", func(string) string { return "" }), operators.Tumbling(7*time.Second)))
				pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.Watermark(0))), nowhere("counts"), encodeSum)
				return p
			}, in, pipelinetest.Options{Rounds: 48 / (1 + shards), Accounts: []pipelinetest.Account{account("rich"), account("at-end")}})
			entries, _ := onTime(in, "right", lateness)
			records, late := onTime(in, "left", lateness)
			var rich, atEnd []string
			found, missing, early := 0, 0, 0
			for _, r := range records {
				at, ok := entryIn(entries, r.Sensor)
				entry := &reading{Sensor: r.Sensor}
				switch {
				case ok && at <= r.At:
					found++
				case ok:
					early++
					entry = nil
				default:
					missing++
					entry = nil
				}
				rich = append(rich, "stable "+pairText(&r, entry))
			}
			entries, _ = onTime(in, "right", 1<<40)
			records, _ = onTime(in, "left", 1<<40)
			for _, r := range records {
				var entry *reading
				if _, ok := entryIn(entries, r.Sensor); ok {
					entry = &reading{Sensor: r.Sensor}
				}
				atEnd = append(atEnd, "stable "+pairText(&r, entry))
			}
			if found < 5 || missing+early == 0 || late == 0 {
				t.Fatalf("the input shows too little: %d found, %d missing, %d early, %d late", found, missing, early, late)
			}
			want(t, out, "rich", rich...)
			want(t, out, "at-end", atEnd...)
			want(t, out, "late", lateIn(in, "left", false)...)
			if got := total(t, out, "counts"); got != uint64(len(rich)) {
				t.Errorf("%d results are in windows, of %d", got, len(rich))
			}
		})
	}
}

// An entry counts from its own instant on, in whatever order it comes, also if it comes again with an earlier time; a panic costs its record.
func TestLeftEnrichEdges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lateness      time.Duration
		stream, table []int64 // a hundred more is of another key
		want          []string
	}{
		"an entry at the frontier": {0, []int64{5, 105}, []int64{105, 5}, []string{"5 found", "5 found"}},

		"an entry of the same instant":   {10 * time.Second, []int64{5}, []int64{5}, []string{"5 found"}},
		"an entry that is written later": {10 * time.Second, []int64{5}, []int64{6}, []string{"5 missing"}},
		"an entry that comes again":      {10 * time.Second, []int64{5, 8}, []int64{9, 7, 5}, []string{"5 found", "8 found"}},
		"no entry":                       {10 * time.Second, []int64{5, 5, 9}, nil, []string{"5 missing", "5 missing", "9 missing"}},
		"a panic":                        {10 * time.Second, []int64{4, 5}, nil, []string{"5 missing"}},
	} {
		in := []pipelinetest.Log{{Read: "left"}, {Read: "right"}}
		for i, times := range [][]int64{c.stream, c.table} {
			for _, at := range times {
				r := reading{Sensor: "s", At: begin + at}
				if at >= 100 {
					r = reading{Sensor: "other", At: begin + at - 100}
				}
				data, _ := json.Marshal(r)
				in[i].Messages = append(in[i].Messages, data)
			}
		}
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("edges")
			table := bySensor(operators.Map(operators.Records(readings(p, "right", 1)), func(r reading) reading { return reading{Sensor: r.Sensor} }))
			rich := operators.LeftEnrich("rich", readings(p, "left", 1), table, operators.Watermark(c.lateness), func(r reading, entry *reading) string {
				if r.At == begin+4 {
					panic("four")
				}
				if entry == nil {
					return fmt.Sprint(r.At-begin, " missing")
				}
				return fmt.Sprint(r.At-begin, " found")
			})
			pipeline.Write(p, "rich", rich, nowhere("rich"), pipeline.EncodeText)
			return p
		}, in, pipelinetest.Options{Rounds: 20})
		for i := range c.want {
			c.want[i] = "stable " + c.want[i]
		}
		if want(t, out, "rich", c.want...); t.Failed() {
			t.Error(name)
		}
	}
}

// Several records of one key and instant have one order, however the shards that they come from are interleaved.
func TestLeftEnrichOfOneInstant(t *testing.T) {
	t.Parallel()
	in := []pipelinetest.Log{{Read: "left"}, {Read: "left", Shard: 1}}
	for i := range in {
		for n := range 3 {
			data, _ := json.Marshal(reading{Sensor: "s", At: begin, Value: uint64(2*n + i)})
			in[i].Messages = append(in[i].Messages, data)
		}
	}
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("instant")
		rich := operators.LeftEnrich("rich", readings(p, "left", 2), readings(p, "right", 1), operators.Watermark(0), func(a reading, b *reading) string { return pairText(&a, b) })
		pipeline.Write(p, "rich", rich, nowhere("rich"), pipeline.EncodeText)
		return p
	}, in, pipelinetest.Options{Rounds: 20})
	if got := len(contents(out, "rich")); got != 6 {
		t.Errorf("%d results", got)
	}
}
