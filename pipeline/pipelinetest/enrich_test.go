package pipelinetest_test

import (
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
