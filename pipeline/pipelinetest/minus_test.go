package pipelinetest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

func element(r reading) uint64 { return r.Value % 4 }

// What is in one stream and not in the other, by key and window, is what two sets say, whatever the schedule.
func TestMinus(t *testing.T) {
	t.Parallel()
	const size, lateness = 10, 8
	for _, shards := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("shards=%d", shards), func(t *testing.T) {
			t.Parallel()
			in := inputs(shards, 40)
			out := pipelinetest.Check(t, func() *pipeline.Pipeline {
				p := pipeline.New("minus")
				windows := operators.Tumbling(size * time.Second)
				left, right := readings(p, "left", shards), readings(p, "right", shards)
				when := operators.Watermark(lateness * time.Second)
				elements := operators.Minus("elements", operators.Window(left, windows), element, operators.Window(right, windows), element, when)
				pipeline.Write(p, "elements", elements, nowhere("elements"), func(f operators.Final[string, uint64]) ([]byte, error) {
					return fmt.Appendf(nil, "%s %d %d", f.Key, f.Window.Start/1e9-begin, f.Value), nil
				})
				keys := operators.MinusKeys("keys", operators.Window(left, windows), operators.Window(right, windows), when)
				pipeline.Write(p, "keys", keys, nowhere("keys"), pipeline.EncodeText)
				ever := operators.MinusKeys("ever", left, operators.KeyBy(operators.Filter(operators.Records(right), func(r reading) bool { return r.Value%8 == 5 }), "sensor", sensorIn), operators.EndOfInput())
				pipeline.Write(p, "ever", ever, nowhere("ever"), pipeline.EncodeText)
				return p
			}, in, pipelinetest.Options{Rounds: 36 / (1 + shards)})
			type group struct {
				sensor string
				start  int64
			}
			seen := map[string]map[group]map[uint64]bool{}
			late := 0
			for _, read := range []string{"left", "right"} {
				seen[read] = map[group]map[uint64]bool{}
				for _, l := range in {
					if l.Read != read {
						continue
					}
					highest := int64(-1 << 40)
					for _, r := range readingsOf(l) {
						g := group{r.Sensor, r.At - r.At%size}
						if highest-lateness >= g.start+size {
							late++
						} else {
							if seen[read][g] == nil {
								seen[read][g] = map[uint64]bool{}
							}
							seen[read][g][element(r)] = true
						}
						highest = max(highest, r.At)
					}
				}
			}
			var elements, keys, ever []string
			for g, set := range seen["left"] {
				for e := range set {
					if !seen["right"][g][e] {
						elements = append(elements, fmt.Sprintf("final %s %d %d", g.sensor, g.start-begin, e))
					}
				}
				if seen["right"][g] == nil {
					keys = append(keys, "final "+g.sensor)
				}
			}
			lefts, _ := onTime(in, "left", 1<<40)
			rights, _ := onTime(in, "right", 1<<40)
			has := map[string]bool{}
			for _, r := range rights {
				has[r.Sensor] = has[r.Sensor] || r.Value%8 == 5
			}
			for _, r := range lefts {
				if !has[r.Sensor] {
					ever = append(ever, "final "+r.Sensor)
					has[r.Sensor] = true
				}
			}
			if len(elements) < 5 || len(keys) == 0 || len(ever) == 0 || late == 0 {
				t.Fatalf("the input shows too little: %d elements, %d keys, %d ever, %d late", len(elements), len(keys), len(ever), late)
			}
			want(t, out, "elements", elements...)
			want(t, out, "keys", keys...)
			want(t, out, "ever", ever...)
			if got := len(out.Rejected) - broken(in); got != 2*late {
				t.Errorf("%d late records, want %d for each of two differences", got, late)
			}
		})
	}
}
