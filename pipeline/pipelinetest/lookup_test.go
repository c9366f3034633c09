package pipelinetest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// gone says which changes of a table are deletions.
func gone(r reading) bool { return r.Value%3 == 1 }

// inForce returns what a table has for a key at an instant, by the definition: of the changes up to there the last one, of those of
// one instant a deletion or else that with the greatest encoding.
func inForce(changes []reading, sensor string, at int64) *reading {
	var found *reading
	for i := range changes {
		c := &changes[i]
		if c.Sensor != sensor || c.At > at {
			continue
		}
		switch {
		case found == nil || c.At > found.At:
			found = c
		case c.At == found.At && !gone(*found):
			old, _ := json.Marshal(found)
			if data, _ := json.Marshal(c); gone(*c) || string(data) > string(old) {
				found = c
			}
		}
	}
	if found == nil || gone(*found) {
		return nil
	}
	return found
}

// ties counts the instants at which a key has several changes.
func ties(changes []reading) (n int) {
	seen := make(map[string]int)
	for _, c := range changes {
		if seen[fmt.Sprint(c.Sensor, c.At)]++; seen[fmt.Sprint(c.Sensor, c.At)] == 2 {
			n++
		}
	}
	return n
}

// A lookup finds what a loop over all changes finds, whatever the schedule, and what is late is in the late stream.
func TestLookup(t *testing.T) {
	t.Parallel()
	const lateness = 8
	for _, shards := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("shards=%d", shards), func(t *testing.T) {
			t.Parallel()
			in := inputs(shards, 40)
			out := pipelinetest.Check(t, func() *pipeline.Pipeline {
				p := pipeline.New("lookups")
				left, table := readings(p, "left", shards), operators.TableOf(readings(p, "right", shards), gone)
				when := operators.Watermark(lateness * time.Second)
				inner := operators.Lookup("inner", left, table, when, func(a, b reading) string { return pairText(&a, &b) })
				pipeline.Write(p, "inner", inner, nowhere("inner"), pipeline.EncodeText)
				all := operators.LeftLookup("all", left, table, when, func(a reading, b *reading) string { return pairText(&a, b) })
				pipeline.Write(p, "all", all, nowhere("all"), pipeline.EncodeText)
				atEnd := operators.LeftLookup("at-end", left, table, operators.EndOfInput(), func(a reading, b *reading) string { return pairText(&a, b) })
				pipeline.Write(p, "at-end", atEnd, nowhere("at-end"), pipeline.EncodeText)
				return p
			}, in, pipelinetest.Options{Rounds: 48 / (1 + shards)})
			lefts, lateLeft := onTime(in, "left", lateness)
			changes, lateRight := onTime(in, "right", lateness)
			var found, missing []string
			for _, a := range lefts {
				if b := inForce(changes, a.Sensor, a.At); b != nil {
					found = append(found, "final "+pairText(&a, b))
				} else {
					missing = append(missing, "final "+pairText(&a, nil))
				}
			}
			if len(found) < 10 || len(missing) < 2 || lateLeft+lateRight == 0 || shards > 1 && ties(changes) == 0 {
				t.Fatalf("the input shows too little: %d found, %d missing, %d late, %d ties", len(found), len(missing), lateLeft+lateRight, ties(changes))
			}
			want(t, out, "inner", found...)
			want(t, out, "all", append(found[:len(found):len(found)], missing...)...)
			if got := len(out.Rejected) - broken(in); got != 2*(lateLeft+lateRight) {
				t.Errorf("%d late records, want %d for each of two lookups", got, lateLeft+lateRight)
			}
			lefts, _ = onTime(in, "left", 1<<40)
			changes, _ = onTime(in, "right", 1<<40)
			var all []string
			for _, a := range lefts {
				all = append(all, "final "+pairText(&a, inForce(changes, a.Sensor, a.At)))
			}
			want(t, out, "at-end", all...)
		})
	}
}

// What a lookup yields can be put into windows and sealed: none of it is late, and a window waits for what may still come.
func TestLookupInWindows(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 2} {
		in := inputs(shards, 40)
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("looked-up")
			all := operators.LeftLookup("all", readings(p, "left", shards), operators.TableOf(readings(p, "right", shards), gone), operators.Watermark(8*time.Second),
				func(a reading, b *reading) string { return pairText(&a, b) })
			pipeline.Write(p, "all", all, nowhere("all"), pipeline.EncodeText)
			counts := operators.Count("counts", operators.Window(operators.KeyBy(all, "first", func(s string) string { return s[:2] }), operators.Tumbling(7*time.Second)))
			pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.Watermark(0))), nowhere("counts"), encodeSum)
			return p
		}, in, pipelinetest.Options{Rounds: 36 / (1 + shards)})
		if got, all := total(t, out, "counts"), uint64(len(contents(out, "all"))); got != all || all == 0 {
			t.Errorf("%d records are in sealed windows, of %d", got, all)
		}
		for place, why := range out.Rejected {
			if strings.HasPrefix(place, "count") {
				t.Errorf("%s: %s", place, why)
			}
		}
	}
}

// A stream can be looked up in a table made of itself, in one stage: each record is in force at its own instant. The function that
// panics costs its own record.
func TestLookupInItself(t *testing.T) {
	t.Parallel()
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("self")
		keyed := operators.KeyBy(input(p, "in", 1), "word", word)
		pairs := operators.Lookup("self", keyed, operators.TableOf(keyed, nil), operators.Watermark(0), func(a, b string) string {
			if a == "b" {
				panic("b")
			}
			return a + b
		})
		pipeline.Write(p, "pairs", pairs, nowhere("pairs"), pipeline.EncodeText)
		return p
	}, []pipelinetest.Log{texts("in", 0, "a", "b", "a", "c")}, pipelinetest.Options{})
	want(t, out, "pairs", "final aa", "final aa", "final cc")
	if len(out.Rejected) != 1 {
		t.Errorf("rejected: %v", out.Rejected)
	}
}
