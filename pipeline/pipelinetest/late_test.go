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

func readingText(r reading) ([]byte, error) {
	return fmt.Appendf(nil, "%s@%d=%d", r.Sensor, r.At-begin, r.Value), nil
}

// Guarantee 5: in tumbling windows each record is in exactly one of the final results and the late stream; in all windows, what
// the pipeline itself takes from the late stream is what goes to the late subject.
func TestLateIsWhatNoResultHas(t *testing.T) {
	t.Parallel()
	const size, lateness = 10, 3
	for name, windows := range map[string]operators.Windows{
		"tumbling": operators.Tumbling(size * time.Second),
		"hopping":  operators.Hopping(size*time.Second, 4*time.Second),
		"sessions": operators.Sessions(4 * time.Second),
	} {
		for _, shards := range []int{1, 2} {
			in := logs(shards, 80)
			out := pipelinetest.Check(t, func() *pipeline.Pipeline {
				p := pipeline.New("late")
				keyed := operators.Window(bySensor(read(p, shards)), windows)
				counts := operators.Count("counts", keyed)
				pipeline.Write(p, "late", operators.Late(keyed, counts), nowhere("late"), readingText)
				perSensor := operators.Count("late-counts", operators.KeyBy(operators.Late(keyed, counts), "sensor", sensorIn))
				pipeline.Write(p, "late-counts", operators.Finals(operators.Seal(perSensor, operators.EndOfInput())), nowhere("late-counts"), encodeSum)
				pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.Watermark(lateness*time.Second))), nowhere("counts"), encodeSum)
				return p
			}, in, pipelinetest.Options{Rounds: 20})
			rejected := 0
			for _, why := range out.Rejected {
				if strings.Contains(why, "late") {
					rejected++
				}
			}
			got := contents(out, "late")
			if len(got) != rejected || rejected == 0 || total(t, out, "late-counts") != uint64(rejected) {
				t.Errorf("%s, %d shards: %d records from the handle, of which %d were counted, %d rejected", name, shards, len(got), total(t, out, "late-counts"), rejected)
			}
			if name != "tumbling" {
				continue
			}
			var late []string
			records := 0
			for _, l := range in {
				seen := int64(-1 << 40)
				for _, r := range readingsOf(l) {
					if seen-lateness >= r.At/size*size+size {
						text, _ := readingText(r)
						late = append(late, "stable "+string(text))
					}
					seen = max(seen, r.At)
					records++
				}
			}
			want(t, out, "late", late...)
			if n := total(t, out, "counts"); int(n)+len(late) != records {
				t.Errorf("%d shards: %d records in results and %d late, of %d", shards, n, len(late), records)
			}
		}
	}
}

// What can be late for no window is refused, with what would make sense.
func TestLateNeedsASealByTime(t *testing.T) {
	t.Parallel()
	for want, seal := range map[string]func(*pipeline.Pipeline, operators.Keyed[string, reading], operators.Growing[string, crdt.GCounter]){
		"no record is late for count counts": func(p *pipeline.Pipeline, keyed operators.Keyed[string, reading], counts operators.Growing[string, crdt.GCounter]) {
			pipeline.Write(p, "late", operators.Late(keyed, counts), nowhere("late"), readingText)
		},
		"seal it with operators.Seal": func(p *pipeline.Pipeline, keyed operators.Keyed[string, reading], counts operators.Growing[string, crdt.GCounter]) {
			pipeline.Write(p, "late", operators.Late(keyed, counts), nowhere("late"), readingText)
			pipeline.Write(p, "out", operators.Finals(operators.SealWhen(counts, crdt.AtLeast(3))), nowhere("out"), encodeSum)
		},
		"is not made of this keyed stream": func(p *pipeline.Pipeline, keyed operators.Keyed[string, reading], counts operators.Growing[string, crdt.GCounter]) {
			other := operators.KeyBy(operators.Records(keyed), "sensor", sensorIn)
			pipeline.Write(p, "late", operators.Late(other, counts), nowhere("late"), readingText)
			pipeline.Write(p, "out", operators.Finals(operators.Seal(counts, operators.EndOfInput())), nowhere("out"), encodeSum)
		},
	} {
		p := pipeline.New("late")
		keyed := bySensor(read(p, 1))
		seal(p, keyed, operators.Count("counts", keyed))
		if err := p.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// A record that is late for the first of its windows only counts in the others, and is late once.
func TestLateForSomeWindows(t *testing.T) {
	t.Parallel()
	in := pipelinetest.Log{Read: "readings"}
	for _, at := range []int64{0, 13, 9} { // 9 is in the windows from 0, which is sealed, from 4 and from 8
		in.Messages = append(in.Messages, fmt.Appendf(nil, `{"sensor":"s","at":%d,"value":1}`, 1704067200+at))
	}
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("some")
		keyed := operators.Window(bySensor(read(p, 1)), operators.Hopping(10*time.Second, 4*time.Second))
		counts := operators.Count("counts", keyed)
		pipeline.Write(p, "late", operators.Late(keyed, counts), nowhere("late"), readingText)
		pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.Watermark(3*time.Second))), nowhere("counts"), func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
			return fmt.Appendf(nil, "%d: %d", f.Window.Start/1e9-begin, f.Value.Value()), nil
		})
		return p
	}, []pipelinetest.Log{in}, pipelinetest.Options{})
	want(t, out, "late", "stable s@9=1")
	want(t, out, "counts", "final -8: 1", "final -4: 1", "final 0: 1", "final 4: 2", "final 8: 2", "final 12: 1")
	if len(out.Rejected) != 1 {
		t.Errorf("rejected: %v", out.Rejected)
	}
}
