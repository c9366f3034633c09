package pipelinetest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

func changeText(c operators.Change[string, string]) ([]byte, error) {
	if c.Deleted {
		return []byte(c.Key + " deleted"), nil
	}
	return []byte(c.Key + ": " + c.Value), nil
}

// told is what a join of two tables says by the definition: at each instant at which a table changed, the row as of then, if there is one,
// or that it is deleted, if there was one.
func told(left, right []reading, keepLeft, keepRight bool) (all []string) {
	has := func(a, b *reading) bool { return a != nil && (b != nil || keepLeft) || b != nil && keepRight }
	type instant struct {
		sensor string
		at     int64
	}
	seen := make(map[instant]bool)
	for _, r := range append(left[:len(left):len(left)], right...) {
		i := instant{r.Sensor, r.At}
		if seen[i] {
			continue
		}
		seen[i] = true
		a, b := inForce(left, i.sensor, i.at), inForce(right, i.sensor, i.at)
		oldA, oldB := inForce(left, i.sensor, i.at-1), inForce(right, i.sensor, i.at-1)
		switch {
		case a == oldA && b == oldB: // something was deleted that was not there
		case has(a, b):
			all = append(all, "final "+i.sensor+": "+pairText(a, b))
		case has(oldA, oldB):
			all = append(all, "final "+i.sensor+" deleted")
		}
	}
	return all
}

// A join of two tables tells what a loop over all changes tells, whatever the schedule, and what is late is in the late stream.
func TestJoinTables(t *testing.T) {
	t.Parallel()
	const lateness = 8
	for _, shards := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("shards=%d", shards), func(t *testing.T) {
			t.Parallel()
			in := inputs(shards, 40)
			out := pipelinetest.Check(t, func() *pipeline.Pipeline {
				p := pipeline.New("tables")
				left, right := operators.TableOf(readings(p, "left", shards), gone), operators.TableOf(readings(p, "right", shards), gone)
				when := operators.Watermark(lateness * time.Second)
				pipeline.Write(p, "inner", operators.JoinTables("inners", left, right, when, func(a, b reading) string { return pairText(&a, &b) }), nowhere("inner"), changeText)
				pipeline.Write(p, "left", operators.LeftJoinTables("lefts", left, right, when, func(a reading, b *reading) string { return pairText(&a, b) }), nowhere("left"), changeText)
				pipeline.Write(p, "outer", operators.OuterJoinTables("outers", left, right, when, pairText), nowhere("outer"), changeText)
				pipeline.Write(p, "at-end", operators.OuterJoinTables("at-ends", left, right, operators.EndOfInput(), pairText), nowhere("at-end"), changeText)
				return p
			}, in, pipelinetest.Options{Rounds: 48 / (1 + shards)})
			lefts, lateLeft := onTime(in, "left", lateness)
			rights, lateRight := onTime(in, "right", lateness)
			inner := told(lefts, rights, false, false)
			if len(inner) < 10 || lateLeft+lateRight == 0 || shards > 1 && ties(rights) == 0 {
				t.Fatalf("the input shows too little: %d changes, %d late, %d ties", len(inner), lateLeft+lateRight, ties(rights))
			}
			want(t, out, "inner", inner...)
			want(t, out, "left", told(lefts, rights, true, false)...)
			want(t, out, "outer", told(lefts, rights, true, true)...)
			if got := len(out.Rejected) - broken(in); got != 3*(lateLeft+lateRight) {
				t.Errorf("%d late records, want %d for each of three joins", got, lateLeft+lateRight)
			}
			lefts, _ = onTime(in, "left", 1<<40)
			rights, _ = onTime(in, "right", 1<<40)
			want(t, out, "at-end", told(lefts, rights, true, true)...)
		})
	}
}
