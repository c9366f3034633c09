package pipelinetest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

func input(p *pipeline.Pipeline, name string, shards int) operators.Stream[string] {
	var subjects []string
	for i := range shards {
		subjects = append(subjects, fmt.Sprintf("%s.%d", name, i))
	}
	return pipeline.Read(p, name, pipeline.Source[string]{Stream: name, Subjects: subjects, Decode: pipeline.Text})
}

func word(s string) string { return s }

// texts makes the log of one shard.
func texts(read string, shard int, words ...string) pipelinetest.Log {
	l := pipelinetest.Log{Read: read, Shard: shard}
	for _, w := range words {
		l.Messages = append(l.Messages, []byte(w))
	}
	return l
}

// contents returns what a Write has produced, sorted.
func contents(out pipelinetest.Outcome, write string) (all []string) {
	for _, r := range out.Results {
		if r.Write == write {
			all = append(all, r.Verdict.String()+" "+r.Payload)
		}
	}
	slices.Sort(all)
	return all
}

func want(t *testing.T, out pipelinetest.Outcome, write string, results ...string) {
	t.Helper()
	slices.Sort(results)
	if got := contents(out, write); !slices.Equal(got, results) {
		t.Errorf("%s: got %q, want %q", write, got, results)
	}
}

type tally = operators.Final[string, crdt.GCounter]

func encodeTally(f tally) ([]byte, error) {
	return fmt.Appendf(nil, "%s=%d", f.Key, f.Value.Value()), nil
}

// Two inputs, each with shards of its own, are counted together: the state stands behind an exchange from both, and what
// has no state runs in the stages of both.
func TestUnionOfTwoInputs(t *testing.T) {
	t.Parallel()
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("two")
		both := operators.Union(input(p, "left", 2), input(p, "right", 1))
		pipeline.Write(p, "all", both, nowhere("all"), pipeline.EncodeText)
		counts := operators.Count("counts", operators.KeyBy(both, "word", word))
		pipeline.Write(p, "often", operators.Threshold(counts, crdt.AtLeast(3)), nowhere("often"), pipeline.EncodeText)
		pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.EndOfInput())), nowhere("counts"), encodeTally)
		return p
	}, []pipelinetest.Log{texts("left", 0, "a", "b"), texts("left", 1, "a"), texts("right", 0, "a", "c")}, pipelinetest.Options{})
	want(t, out, "all", "stable a", "stable a", "stable a", "stable b", "stable c")
	want(t, out, "often", "stable a")
	want(t, out, "counts", "final a=3", "final b=1", "final c=1")
}

// A record that comes by several ways counts once for each, with an identity for each, also where a stream meets itself.
func TestUnionOfBranches(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 2} {
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("ways")
			in := input(p, "in", shards)
			long := operators.Filter(in, func(s string) bool { return len(s) > 1 })
			three := operators.Union(in, long, operators.Union(in, in))
			pipeline.Write(p, "ways", three, nowhere("ways"), pipeline.EncodeText)
			counts := operators.Count("counts", operators.KeyBy(three, "word", word))
			pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.EndOfInput())), nowhere("counts"), encodeTally)
			return p
		}, []pipelinetest.Log{texts("in", 0, "a", "bb", "bb")}, pipelinetest.Options{Seed: 1})
		want(t, out, "ways", "stable a", "stable a", "stable a", "stable bb", "stable bb", "stable bb", "stable bb", "stable bb", "stable bb", "stable bb", "stable bb")
		want(t, out, "counts", "final a=3", "final bb=8")
	}
}

// What comes from a seal by one way only is not final, and a state fed by both waits for the slower one.
func TestUnionOfSealedAndUnsealed(t *testing.T) {
	t.Parallel()
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("mixed")
		in := input(p, "in", 1)
		counts := operators.Count("counts", operators.Window(operators.KeyBy(in, "word", word), operators.Tumbling(2*time.Second)))
		keys := operators.Map(operators.Finals(operators.Seal(counts, operators.Watermark(3*time.Second))), func(f tally) string { return f.Key })
		mixed := operators.Union(in, keys)
		pipeline.Write(p, "mixed", mixed, nowhere("mixed"), pipeline.EncodeText)
		pipeline.Write(p, "keys", operators.Union(keys, keys), nowhere("keys"), pipeline.EncodeText)
		again := operators.Count("again", operators.Window(operators.KeyBy(mixed, "word", word), operators.Tumbling(2*time.Second)))
		pipeline.Write(p, "again", operators.Finals(operators.Seal(again, operators.Watermark(0))), nowhere("again"), encodeTally)
		return p
	}, []pipelinetest.Log{texts("in", 0, "a", "a", "b", "a", "c")}, pipelinetest.Options{})
	want(t, out, "mixed", "stable a", "stable a", "stable a", "stable a", "stable a", "stable b", "stable b", "stable c", "stable c")
	want(t, out, "keys", "final a", "final a", "final a", "final a", "final b", "final b", "final c", "final c")
	want(t, out, "again", "final a=3", "final a=2", "final b=2", "final c=2")
	for place, why := range out.Rejected {
		t.Errorf("%s: %s", place, why)
	}
}
