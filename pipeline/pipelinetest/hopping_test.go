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

// Each record counts in each window that holds it, unless its own shard had sealed that window before: then it is in the
// late stream, once for all windows that it missed.
func TestHoppingWindows(t *testing.T) {
	t.Parallel()
	const size, slide, lateness = 10, 4, 3
	for _, shards := range []int{1, 2} {
		in := logs(shards, 80)
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("hops")
			windows := operators.Window(bySensor(read(p, shards)), operators.Hopping(size*time.Second, slide*time.Second))
			counts := operators.Count("counts", windows)
			pipeline.Write(p, "three", operators.Threshold(counts, crdt.AtLeast(3)), nowhere("three"), pipeline.EncodeText)
			pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.Watermark(lateness*time.Second))), nowhere("counts"),
				func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
					return fmt.Appendf(nil, "%s %d: %d", f.Key, f.Window.Start/1e9, f.Value.Value()), nil
				})
			return p
		}, in, pipelinetest.Options{Rounds: 30})
		wanted, late := map[string]int{}, 0
		for _, l := range in {
			seen := int64(-1 << 40)
			for _, r := range readingsOf(l) {
				missed := false
				for start := r.At - size; start <= r.At; start++ {
					if start%slide != 0 || start == r.At-size {
						continue
					}
					if seen-lateness >= start+size {
						missed = true
					} else {
						wanted[fmt.Sprintf("%s %d", r.Sensor, start)]++
					}
				}
				if missed {
					late++
				}
				seen = max(seen, r.At)
			}
		}
		var finals, threes []string
		for group, n := range wanted {
			finals = append(finals, fmt.Sprintf("final %s: %d", group, n))
			if n >= 3 {
				var sensor string
				_, _ = fmt.Sscan(group, &sensor)
				threes = append(threes, "stable "+sensor)
			}
		}
		want(t, out, "counts", finals...)
		want(t, out, "three", threes...)
		if got := len(out.Rejected) - broken(in); late == 0 || got != late {
			t.Errorf("%d late records, want %d", got, late)
		}
	}
}

// readingsOf returns the readings of a log that can be decoded.
func readingsOf(l pipelinetest.Log) (all []reading) {
	for _, data := range l.Messages {
		var r reading
		if json.Unmarshal(data, &r) == nil {
			all = append(all, r)
		}
	}
	return all
}

// broken counts the others.
func broken(in []pipelinetest.Log) (n int) {
	for _, l := range in {
		n += len(l.Messages) - len(readingsOf(l))
	}
	return n
}
