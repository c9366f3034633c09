package pipelinetest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// sessionsOf is the definition: sort the readings of each sensor that are on time, and cut where the gap is.
func sessionsOf(in []pipelinetest.Log, gap, lateness int64) (all []string, late int) {
	bySensor := map[string][]reading{}
	for _, l := range in {
		seen := int64(-1 << 40)
		for _, r := range readingsOf(l) {
			if seen-lateness > r.At {
				late++
			} else {
				bySensor[r.Sensor] = append(bySensor[r.Sensor], r)
			}
			seen = max(seen, r.At)
		}
	}
	for sensor, rs := range bySensor {
		slices.SortFunc(rs, func(a, b reading) int { return int(a.At - b.At) })
		for i := 0; i < len(rs); {
			j, sum := i, uint64(0)
			for ; j < len(rs) && (j == i || rs[j].At-rs[j-1].At < gap); j++ {
				sum += rs[j].Value
			}
			all = append(all, fmt.Sprintf("final %s from %d to %d: %d", sensor, rs[i].At-1704067200, rs[j-1].At+gap-1704067200, sum))
			i = j
		}
	}
	return all, late
}

func encodeSession(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
	return fmt.Appendf(nil, "%s from %d to %d: %d", f.Key, f.Window.Start/1e9-1704067200, f.Window.End/1e9-1704067200, f.Value.Value()), nil
}

// Sessions are what the definition says, whatever the schedule: also those that a record out of order makes one.
func TestSessions(t *testing.T) {
	t.Parallel()
	const gap, lateness = 4, 8
	for _, shards := range []int{1, 2} {
		in := inputs(shards, 60)[:shards]
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("sessions")
			windows := operators.Window(readings(p, "left", shards), operators.Sessions(gap*time.Second))
			sums := operators.Sum("sums", windows, valueIn)
			sealed := operators.Finals(operators.Seal(sums, operators.Watermark(lateness*time.Second)))
			pipeline.Write(p, "sums", sealed, nowhere("sums"), encodeSession)
			again := operators.Count("again", operators.Window(operators.KeyBy(sealed, "all", everything), operators.Tumbling(10*time.Second)))
			pipeline.Write(p, "again", operators.Finals(operators.Seal(again, operators.Watermark(0))), nowhere("again"), encodeSum)
			return p
		}, in, pipelinetest.Options{Rounds: 30})
		wanted, late := sessionsOf(in, gap, lateness)
		want(t, out, "sums", wanted...)
		if got := len(out.Rejected) - broken(in); late == 0 || got != late {
			t.Errorf("%d late records, want %d", got, late)
		}
		if got := total(t, out, "again"); got != uint64(len(wanted)) {
			t.Errorf("%d sessions are in windows, want %d", got, len(wanted))
		}
	}
}

// A record between two sessions makes them one, with the sum of both and all that fired.
func TestSessionsMerge(t *testing.T) {
	t.Parallel()
	var log pipelinetest.Log
	log.Read = "left"
	for _, r := range []reading{{"s", 0, 1}, {"s", 6, 2}, {"s", 3, 4}, {"s", 20, 8}} {
		r.At += 1704067200
		log.Messages = append(log.Messages, fmt.Appendf(nil, `{"sensor":"s","at":%d,"value":%d}`, r.At, r.Value))
	}
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("merge")
		sums := operators.Sum("sums", operators.Window(readings(p, "left", 1), operators.Sessions(4*time.Second)), valueIn)
		pipeline.Write(p, "seven", operators.Threshold(sums, crdt.AtLeast(7)), nowhere("seven"), pipeline.EncodeText)
		pipeline.Write(p, "any", operators.Threshold(sums, crdt.AtLeast(1)), nowhere("any"), pipeline.EncodeText)
		pipeline.Write(p, "sums", operators.Finals(operators.Seal(sums, operators.Watermark(3*time.Second))), nowhere("sums"), encodeSession)
		return p
	}, []pipelinetest.Log{log}, pipelinetest.Options{})
	want(t, out, "seven", "stable s", "stable s")
	want(t, out, "any", "stable s", "stable s", "stable s")
	want(t, out, "sums", "final s from 0 to 10: 7", "final s from 20 to 24: 8")
	for _, r := range out.Results {
		if r.Write == "seven" && !strings.HasPrefix(r.Identity, "2024-01-01T00:00:03Z/") && !strings.HasPrefix(r.Identity, "2024-01-01T00:00:20Z/") {
			t.Errorf("%+v names an instant that made nothing true", r)
		}
	}
}

// A record that trails by more than the lateness is late even if it would reach an open session: the session between, to
// which it might belong, is sealed by then, or not yet, as batches have it.
func TestSessionsDoNotDependOnBatches(t *testing.T) {
	t.Parallel()
	log := pipelinetest.Log{Read: "left"}
	for _, at := range []int{0, 6, 3, 5, 30} {
		log.Messages = append(log.Messages, fmt.Appendf(nil, `{"sensor":"s","at":%d,"value":1}`, 1704067200+at))
	}
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("trail")
		sums := operators.Sum("sums", operators.Window(readings(p, "left", 1), operators.Sessions(4*time.Second)), valueIn)
		pipeline.Write(p, "sums", operators.Finals(operators.Seal(sums, operators.Watermark(time.Second))), nowhere("sums"), encodeSession)
		return p
	}, []pipelinetest.Log{log}, pipelinetest.Options{})
	want(t, out, "sums", "final s from 0 to 4: 1", "final s from 30 to 34: 1", "final s from 5 to 10: 2")
	if len(out.Rejected) != 1 {
		t.Errorf("rejected: %v", out.Rejected)
	}
}
