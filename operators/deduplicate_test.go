package operators_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
	"github.com/calmstream/calmstream/sinks"
)

// identity is all of a bid: copies are equal.
func identity(b bid) string { return fmt.Sprintf("%s@%d=%d", b.Item, b.At-midnight, b.Value) }

// Each id passes once in each window, whatever the schedule; what is late is in the late stream, and what passes can be counted and
// sealed as if the copies had never been.
func TestDeduplicate(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("shards=%d", shards), func(t *testing.T) {
			t.Parallel()
			in := bids(shards, 80)
			w := windowings[0] // tumbling
			out := pipelinetest.Check(t, func() *pipeline.Pipeline {
				p := pipeline.New("once")
				ids := operators.Window(operators.KeyBy(readBids(p, shards), "id", identity), w.windows)
				once := operators.Deduplicate("ids", ids, lateness*time.Second)
				pipeline.Write(p, "once", once, sinks.Func{Name: "once"}, func(b bid) ([]byte, error) { return []byte(identity(b)), nil })
				counts := operators.Count("counts", operators.Window(operators.KeyBy(once, "item", bid.item), w.windows))
				answer(p, "counts", w.sealing, counts, func(c *crdt.GCounter) string { return fmt.Sprint(c.Value()) })
				return p
			}, in, pipelinetest.Options{Rounds: 40})

			seen, copies, late := map[string]bool{}, 0, 0
			counts := map[string]int{}
			var want []string
			for _, l := range in {
				frontier := int64(-1 << 40)
				for _, b := range decoded(t, l) {
					id, start := identity(b), b.At-b.At%10
					switch {
					case w.late(b, frontier):
						late++
					case seen[id]:
						copies++
					default:
						seen[id] = true
						want = append(want, id)
						counts[fmt.Sprintf("%s %s", b.Item, spanOf(start, start+10))]++
					}
					frontier = max(frontier, b.At)
				}
			}
			if copies < 10 || late == 0 {
				t.Fatalf("the input shows too little: %d copies, %d late", copies, late)
			}
			compare(t, out, "once", want)
			var totals []string
			for group, n := range counts {
				totals = append(totals, fmt.Sprintf("%s: %d", group, n))
			}
			compare(t, out, "counts", totals)
			if len(out.Rejected) != late {
				t.Errorf("%d records are late, want %d: %v", len(out.Rejected), late, out.Rejected)
			}
			for _, r := range out.Results {
				if r.Write == "once" && r.Verdict != crdt.Stable {
					t.Errorf("%+v waited for nothing, so it is stable", r)
				}
			}
		})
	}
}

// Of two records with one id the first in the log passes, also if the other is before it in event time.
func TestFirstInTheLogPasses(t *testing.T) {
	t.Parallel()
	in := pipelinetest.Log{Read: "bids"}
	for _, b := range []bid{{"a", midnight + 5, 1}, {"a", midnight + 3, 2}, {"b", midnight + 4, 3}, {"a", midnight + 12, 4}, {"a", midnight + 11, 5}} {
		in.Messages = append(in.Messages, fmt.Appendf(nil, `{"item":%q,"at":%d,"value":%d}`, b.Item, b.At, b.Value))
	}
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("first")
		ids := operators.Window(operators.KeyBy(readBids(p, 1), "item", bid.item), operators.Tumbling(10*time.Second))
		pipeline.Write(p, "once", operators.Deduplicate("ids", ids, lateness*time.Second), sinks.Func{Name: "once"}, func(b bid) ([]byte, error) { return []byte(identity(b)), nil })
		return p
	}, []pipelinetest.Log{in}, pipelinetest.Options{})
	compare(t, out, "once", []string{"a@5=1", "b@4=3", "a@12=4"})
}
