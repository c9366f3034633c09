package pipelinetest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

const everyFew = 5

// sums publishes how much each sensor has measured, and says at the end how much it was.
func sums(shards int) func() *pipeline.Pipeline {
	return func() *pipeline.Pipeline {
		p := pipeline.New("bounds")
		sums := operators.Sum("sums", bySensor(read(p, shards)), func(r reading) uint64 { return uint64(r.At) % 4 })
		bounds := operators.Bounds(sums, crdt.CountOf(), crdt.CountOf(), everyFew)
		pipeline.Write(p, "bounds", bounds, nowhere("bounds"), func(b operators.Bound[string, crdt.Max[uint64]]) ([]byte, error) {
			v, ok := b.Value.Value()
			if !ok || v != b.Progress {
				return nil, fmt.Errorf("%v is not %d", v, b.Progress)
			}
			return fmt.Appendf(nil, "%s %d", b.Key, v), nil
		})
		pipeline.Write(p, "sums", operators.Finals(operators.Seal(sums, operators.EndOfInput())), nowhere("sums"),
			func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
				return fmt.Appendf(nil, "%s %d", f.Key, f.Value.Value()), nil
			})
		return p
	}
}

// Bounds are published at steps of the state, whatever the batches, the crashes and the owners: against a model that counts by itself.
func TestBoundsAgainstModel(t *testing.T) {
	t.Parallel()
	in := logs(1, 120)
	out := pipelinetest.Check(t, sums(1), in, pipelinetest.Options{Rounds: 60})
	counted := map[string]uint64{}
	var bounds, finals []string
	jumps := 0
	for _, r := range readingsOf(in[0]) {
		before := counted[r.Sensor]
		counted[r.Sensor] += uint64(r.At) % 4
		if now := counted[r.Sensor]; now/everyFew > before/everyFew {
			bounds = append(bounds, fmt.Sprintf("lower-bound %s %d", r.Sensor, now))
			if now%everyFew != 0 {
				jumps++
			}
		}
	}
	for sensor, n := range counted {
		finals = append(finals, fmt.Sprintf("final %s %d", sensor, n))
	}
	want(t, out, "bounds", bounds...)
	want(t, out, "sums", finals...)
	if len(bounds) < 10 || jumps == 0 {
		t.Errorf("the input makes %d bounds, %d of them between two steps", len(bounds), jumps)
	}
}

// Behind an exchange which bounds there are depends on how inputs are interleaved. Owners of one run still make the same, which each
// schedule checks; the outcome, which is the same for all schedules, leaves them out.
func TestBoundsBehindAnExchange(t *testing.T) {
	t.Parallel()
	out := pipelinetest.Check(t, sums(3), logs(3, 90), pipelinetest.Options{Rounds: 40})
	var names []string
	for _, r := range out.Results {
		names = append(names, r.Write)
	}
	if slices.Contains(names, "bounds") || !slices.Contains(names, "sums") {
		t.Errorf("the outcome is of %v", slices.Compact(names))
	}
	pipelinetest.CheckShards(t, func(shards int) *pipeline.Pipeline { return sums(shards)() }, logs(3, 60), pipelinetest.Options{Rounds: 10})
}

// A progress that panics costs the bound and a dead letter, and not the record; nor does it matter to other readers of the state.
func TestBoundsThatPanic(t *testing.T) {
	t.Parallel()
	progress := crdt.AssertMonotone("progress but at 3", func(c *crdt.GCounter) crdt.Max[uint64] {
		if c.Value() == 3 {
			panic("three")
		}
		return crdt.MaxOf(c.Value())
	})
	in := []pipelinetest.Log{{Read: "in"}}
	for range 6 {
		in[0].Messages = append(in[0].Messages, []byte("a"))
	}
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("panics")
		counts := operators.Count("counts", operators.KeyBy(input(p, "in", 1), "word", strings.ToLower))
		pipeline.Write(p, "bounds", operators.Bounds(counts, crdt.CountOf(), progress, 1), nowhere("bounds"), func(b operators.Bound[string, crdt.Max[uint64]]) ([]byte, error) {
			return fmt.Append(nil, b.Progress), nil
		})
		pipeline.Write(p, "all", operators.Bounds(counts, crdt.CountOf(), crdt.CountOf(), 1), nowhere("all"), func(b operators.Bound[string, crdt.Max[uint64]]) ([]byte, error) {
			return fmt.Append(nil, b.Progress), nil
		})
		pipeline.Write(p, "four", operators.Threshold(counts, crdt.AtLeast(4)), nowhere("four"), pipeline.EncodeText)
		return p
	}, in, pipelinetest.Options{Rounds: 40})
	of := func(numbers ...int) (all []string) {
		for _, n := range numbers {
			all = append(all, fmt.Sprint("lower-bound ", n))
		}
		return all
	}
	want(t, out, "bounds", of(1, 2, 4, 5, 6)...)
	want(t, out, "all", of(1, 2, 3, 4, 5, 6)...)
	want(t, out, "four", "stable a")
	if len(out.Rejected) != 1 {
		t.Errorf("rejected: %v", out.Rejected)
	}
}

// A progress that goes back publishes two things under one version, which is found.
func TestBoundsThatGoBackAreFound(t *testing.T) {
	t.Parallel()
	back := crdt.AssertMonotone("to and fro", func(c *crdt.GCounter) crdt.Max[uint64] { return crdt.MaxOf(1 + c.Value()%3) })
	in := []pipelinetest.Log{{Read: "in"}}
	for range 9 {
		in[0].Messages = append(in[0].Messages, []byte("a"))
	}
	_, err := pipelinetest.Run(func() *pipeline.Pipeline {
		p := pipeline.New("back")
		counts := operators.Count("counts", operators.KeyBy(input(p, "in", 1), "word", strings.ToLower))
		pipeline.Write(p, "bounds", operators.Bounds(counts, crdt.CountOf(), back, 1), nowhere("bounds"), pipeline.EncodeJSON)
		return p
	}, in, pipelinetest.Options{Rounds: 5})
	if err == nil || !strings.Contains(err.Error(), "two results with one identity") {
		t.Errorf("got %v", err)
	}
}

// Keys that are sealed by the values of an attribute publish what is known of them like others.
func TestBoundsOfKeysThatAreSealed(t *testing.T) {
	t.Parallel()
	l := publishingClicks(0, "p")
	for range 4 {
		l.click("p", "c/a x")
		l.click("p", "d/b x")
	}
	l.sealKey("p", "c")
	l.click("p", "d/b x")
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("clicks")
		counts := operators.Count("counts", operators.Determines(clicksByAd(p, 1, "p"), "campaign", campaignOf))
		pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.Keys("campaign"))), nowhere("counts"), encodeTally)
		pipeline.Write(p, "bounds", operators.Bounds(counts, crdt.CountOf(), crdt.CountOf(), 2), nowhere("bounds"), func(b operators.Bound[string, crdt.Max[uint64]]) ([]byte, error) {
			return fmt.Append(nil, b.Key, " ", b.Progress), nil
		})
		return p
	}, []pipelinetest.Log{l.Log}, pipelinetest.Options{Rounds: 40})
	want(t, out, "bounds", "lower-bound c/a 2", "lower-bound c/a 4", "lower-bound d/b 2", "lower-bound d/b 4")
	want(t, out, "counts", "final c/a=4", "final d/b=5")
}
