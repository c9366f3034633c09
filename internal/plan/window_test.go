package plan_test

import (
	"slices"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"pgregory.net/rapid"
)

// Every instant is in exactly one tumbling window, the windows are aligned, and a window is found again by its start.
func TestTumblingWindows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, int64(48*time.Hour)).Draw(t, "size")
		at := rapid.Int64Range(-1<<60, 1<<60).Draw(t, "at")
		w := plan.Windowing{Size: time.Duration(size)}
		span := w.Assign(at)
		if at < span.Start || at >= span.End || span.End-span.Start != size || span.Start%size != 0 {
			t.Fatalf("%d is in %+v of size %d", at, span, size)
		}
		if until := w.Until(span); until != span.End {
			t.Fatalf("%+v is the last window until %d", span, until)
		}
		if w.Span(span.Start) != span || w.Assign(span.Start) != span || w.Assign(span.End-1) != span {
			t.Fatalf("%+v is not found again", span)
		}
	})
}

// A rule never opens a closed window again, and closes it exactly when the frontier has passed its end by the lateness.
func TestSealRule(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule := plan.SealRule{Set: true, Lateness: time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "lateness"))}
		end := rapid.Int64Range(-1<<60, 1<<60).Draw(t, "end")
		low := rapid.Int64Range(-1<<60, 1<<60).Draw(t, "low")
		high := rapid.Int64Range(low, 1<<60).Draw(t, "high")
		if rule.Closed(low, end) && !rule.Closed(high, end) {
			t.Fatalf("%v closes %d at %d and not at %d", rule, end, low, high)
		}
		if got, want := rule.Closed(low, end), low-int64(rule.Lateness) >= end; got != want {
			t.Fatalf("%v, frontier %d, end %d: %v", rule, low, end, got)
		}
		if got, want := rule.Closed(low, end), low >= rule.Closing(end); got != want {
			t.Fatalf("%v, frontier %d, end %d: %v, but it closes at %d", rule, low, end, got, rule.Closing(end))
		}
		if rule.After(low) > rule.After(high) || rule.After(low) > low {
			t.Fatalf("the frontier behind %v goes back or ahead", rule)
		}
	})
}

func TestSealRuleEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule          plan.SealRule
		frontier, end int64
		closed        bool
	}{
		{plan.SealRule{}, plan.End, 0, false},
		{plan.SealRule{Set: true}, plan.End, plan.End, true},
		{plan.SealRule{Set: true}, plan.End - 1, plan.End, false},
		{plan.SealRule{Set: true}, plan.Beginning, plan.Beginning + 1, false},
		{plan.SealRule{Set: true, Lateness: time.Hour}, plan.Beginning + 1, plan.Beginning + 1, false},
		{plan.SealRule{Set: true, OnlyAtEnd: true}, 100, 10, false},
		{plan.SealRule{Set: true, OnlyAtEnd: true}, plan.End, 10, true},
	} {
		if got := c.rule.Closed(c.frontier, c.end); got != c.closed {
			t.Errorf("%v, frontier %d, end %d: %v", c.rule, c.frontier, c.end, got)
		}
		if before := c.frontier < c.rule.Closing(c.end); before && c.closed {
			t.Errorf("%v, frontier %d, end %d: closed before %d", c.rule, c.frontier, c.end, c.rule.Closing(c.end))
		}
	}
}

// The hopping windows of an instant are those that hold it, each once, the last one first.
func TestHoppingWindows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 1000).Draw(t, "size")
		slide := rapid.Int64Range(1, size).Draw(t, "slide")
		at := rapid.Int64Range(-5000, 5000).Draw(t, "at")
		w := plan.Windowing{Size: time.Duration(size), Slide: time.Duration(slide)}
		if last := w.Assign(at); w.Assign(w.Until(last)-1) != last || w.Assign(w.Until(last)) == last {
			t.Fatalf("%v is not the last window until %d", last, w.Until(last))
		}
		var got, want []plan.Span
		for s, ok := w.Assign(at), true; ok; s, ok = w.Before(s, at) {
			got = append(got, s)
		}
		for start := int64(10_000); start > -10_000; start-- { // by the definition
			if start%slide == 0 && start <= at && at < start+size {
				want = append(want, plan.Span{Start: start, End: start + size})
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d is in %v, want %v", at, got, want)
		}
	})
}
