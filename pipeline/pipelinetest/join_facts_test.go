package pipelinetest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// Facts from behind a seal have no place in the log of their own: all that close with one batch come from its last message. They
// can be joined all the same, each by itself.
func TestJoinFacts(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 2} {
		in := logs(shards, 60)
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("facts")
			counts := operators.Count("counts", operators.Window(bySensor(read(p, shards)), operators.Tumbling(10*time.Second)))
			facts := operators.Map(operators.Finals(operators.Seal(counts, operators.Watermark(3*time.Second))), func(f operators.Final[string, crdt.GCounter]) reading {
				return reading{Sensor: f.Key, At: f.Window.Start / 1e9, Value: f.Value.Value()}
			})
			pipeline.Write(p, "facts", facts, nowhere("facts"), readingText)
			few, many := operators.Split(facts, func(r reading) bool { return r.Value < 2 })
			within := operators.Interval{Before: 10 * time.Second}
			all := operators.OuterJoin("all", bySensor(few), bySensor(many), within, pairText)
			pipeline.Write(p, "all", all, nowhere("all"), pipeline.EncodeText)
			then := operators.LeftLookup("then", bySensor(many), operators.TableOf(bySensor(few), nil), operators.Watermark(0), func(a reading, b *reading) string { return pairText(&a, b) })
			pipeline.Write(p, "then", then, nowhere("then"), pipeline.EncodeText)
			return p
		}, in, pipelinetest.Options{Rounds: 30})
		var few, many []reading
		for _, text := range contents(out, "facts") {
			var r reading
			if _, err := fmt.Sscanf(text, "stable s%1s@%d=%d", &r.Sensor, &r.At, &r.Value); err != nil {
				if _, err = fmt.Sscanf(text, "final s%1s@%d=%d", &r.Sensor, &r.At, &r.Value); err != nil {
					t.Fatalf("%q: %v", text, err)
				}
			}
			r.Sensor, r.At = "s"+r.Sensor, r.At+begin
			if r.Value < 2 {
				few = append(few, r)
			} else {
				many = append(many, r)
			}
		}
		var all, then []string
		matched := make(map[reading]bool)
		for _, a := range few {
			for _, b := range many {
				if a.Sensor == b.Sensor && b.At >= a.At-10 && b.At <= a.At {
					all = append(all, "stable "+pairText(&a, &b))
					matched[a], matched[b] = true, true
				}
			}
			if !matched[a] {
				all = append(all, "stable "+pairText(&a, nil))
			}
		}
		for _, b := range many {
			if !matched[b] {
				all = append(all, "stable "+pairText(nil, &b))
			}
			var found *reading
			for i, a := range few {
				if a.Sensor == b.Sensor && a.At <= b.At && (found == nil || found.At < a.At) {
					found = &few[i]
				}
			}
			then = append(then, "final "+pairText(&b, found))
		}
		if len(few) < 5 || len(many) < 5 {
			t.Fatalf("%d and %d facts show too little", len(few), len(many))
		}
		want(t, out, "all", all...)
		want(t, out, "then", then...)
	}
}
