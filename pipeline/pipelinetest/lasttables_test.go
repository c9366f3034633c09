package pipelinetest_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

type lastReading = crdt.LastByTime[string]

type lastOfBoth = crdt.Pair[lastReading, *lastReading, lastReading, *lastReading]

// lastOf is the state after one reading. Of two of one time the one with the greater encoding is the last, as in a Table.
func lastOf(r reading) (l lastReading) {
	data, _ := json.Marshal(r)
	l.Add(r.At, "", string(data))
	return l
}

// Two tables of the last values by key grow in one state: that both have seen something is known at once, what was the last in a window when it
// is sealed. These are the lower bounds and the exact rows of a join of tables.
func TestLastOfTwoTables(t *testing.T) {
	t.Parallel()
	const size, lateness = 10, 8
	for _, shards := range []int{1, 2} {
		in := inputs(shards, 40)
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("last")
			windows := operators.Tumbling(size * time.Second)
			left, right := operators.Window(readings(p, "left", shards), windows), operators.Window(readings(p, "right", shards), windows)
			both := operators.Cogroup("both",
				left, func(r reading) lastOfBoth {
					return crdt.PairOf[lastReading, lastReading, *lastReading, *lastReading](lastOf(r), lastReading{})
				},
				right, func(r reading) lastOfBoth {
					return crdt.PairOf[lastReading, lastReading, *lastReading, *lastReading](lastReading{}, lastOf(r))
				})
			seen := crdt.SeenAfter[string](-1 << 40)
			pipeline.Write(p, "met", operators.Threshold(both, crdt.All(
				crdt.First[lastReading, lastReading, *lastReading, *lastReading](seen),
				crdt.Second[lastReading, lastReading, *lastReading, *lastReading](seen))), nowhere("met"), pipeline.EncodeText)
			rows := operators.Finals(operators.Seal(both, operators.Watermark(lateness*time.Second)))
			pipeline.Write(p, "rows", rows, nowhere("rows"), func(f operators.Final[string, lastOfBoth]) ([]byte, error) {
				a, _ := f.Value.First().Value()
				b, _ := f.Value.Second().Value()
				return fmt.Appendf(nil, "%s %d: %s %s", f.Key, f.Window.Start/1e9-begin, a, b), nil
			})
			return p
		}, in, pipelinetest.Options{Rounds: 15})
		type group struct {
			sensor string
			start  int64
		}
		last := map[group]*[2]string{}
		times := map[group]*[2]int64{}
		for _, l := range in {
			side := map[string]int{"left": 0, "right": 1}[l.Read]
			highest := int64(-1 << 40)
			for _, r := range readingsOf(l) {
				g := group{r.Sensor, r.At - r.At%size}
				if highest-lateness < g.start+size {
					if last[g] == nil {
						last[g], times[g] = new([2]string), new([2]int64)
					}
					data, _ := json.Marshal(r)
					if at := times[g][side]; r.At > at || r.At == at && string(data) > last[g][side] {
						times[g][side], last[g][side] = r.At, string(data)
					}
				}
				highest = max(highest, r.At)
			}
		}
		var rows, met []string
		for g, texts := range last {
			rows = append(rows, fmt.Sprintf("final %s %d: %s %s", g.sensor, g.start-begin, texts[0], texts[1]))
			if texts[0] != "" && texts[1] != "" {
				met = append(met, "stable "+g.sensor)
			}
		}
		if len(met) < 5 || len(rows) == len(met) {
			t.Fatalf("the input shows too little: %d rows, %d of both", len(rows), len(met))
		}
		want(t, out, "rows", rows...)
		want(t, out, "met", met...)
	}
}
