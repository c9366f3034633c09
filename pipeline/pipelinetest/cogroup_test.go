package pipelinetest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

type sides = crdt.Map[string, crdt.GSet[string], *crdt.GSet[string]]

func side(name string) func(string) sides {
	return func(s string) sides { return crdt.MapOf(name, crdt.GSetOf(s)) }
}

func encodeSides(f operators.Final[string, sides]) ([]byte, error) {
	text := f.Key
	for _, name := range []string{"left", "right"} {
		got, _ := f.Value.Get(name)
		for s := range got.All() {
			text += " " + name + ":" + s
		}
	}
	return []byte(text), nil
}

// Two streams meet in one state, whatever their shards, and the state waits for both to end.
func TestCogroup(t *testing.T) {
	t.Parallel()
	initial := func(s string) string { return s[:1] }
	for shards, in := range map[int][]pipelinetest.Log{
		1: {texts("left", 0, "a1", "b1", "a2"), texts("right", 0, "a3", "c1", "a4")},
		2: {texts("left", 0, "a1", "b1"), texts("left", 1, "a2"), texts("right", 0, "a3", "c1", "a4")},
	} {
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("both")
			left := operators.KeyBy(input(p, "left", shards), "initial", initial)
			right := operators.KeyBy(input(p, "right", 1), "initial", initial)
			both := operators.Cogroup("both", left, side("left"), right, side("right"))
			pipeline.Write(p, "met", operators.Threshold(both, crdt.All(
				crdt.At[string, crdt.GSet[string], *crdt.GSet[string]]("left", crdt.SizeAtLeast[string](1)),
				crdt.At[string, crdt.GSet[string], *crdt.GSet[string]]("right", crdt.SizeAtLeast[string](2)),
			)), nowhere("met"), pipeline.EncodeText)
			pipeline.Write(p, "all", operators.Finals(operators.Seal(both, operators.EndOfInput())), nowhere("all"), encodeSides)
			return p
		}, in, pipelinetest.Options{})
		want(t, out, "met", "stable a")
		want(t, out, "all", "final a left:a1 left:a2 right:a3 right:a4", "final b left:b1", "final c right:c1")
	}
}

// A stream can meet itself: both sides come from one input, by different ways and however many shards it has.
func TestCogroupWithItself(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 2, 3} {
		var in []pipelinetest.Log
		for shard := range shards {
			var words []string
			for _, letter := range strings.Split("abacba", "") {
				words = append(words, fmt.Sprintf("%s%d%d", letter, shard, len(words)))
			}
			in = append(in, texts("in", shard, words...))
		}
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("self")
			records := input(p, "in", shards)
			letter := func(s string) string { return s[:1] }
			left := operators.KeyBy(records, "letter", letter)
			right := operators.KeyBy(operators.Filter(records, func(s string) bool { return s[0] != 'c' }), "letter", letter)
			both := operators.Cogroup("both", left, side("left"), right, side("right"))
			pipeline.Write(p, "all", operators.Finals(operators.Seal(both, operators.EndOfInput())), nowhere("all"), encodeSides)
			return p
		}, in, pipelinetest.Options{})
		var all []string
		for letter, places := range map[string][]int{"a": {0, 2, 5}, "b": {1, 4}, "c": {3}} {
			line := "final " + letter
			for _, name := range []string{"left", "right"} {
				for shard := range shards {
					for _, at := range places {
						if name == "left" || letter != "c" {
							line += fmt.Sprintf(" %s:%s%d%d", name, letter, shard, at)
						}
					}
				}
			}
			all = append(all, line)
		}
		want(t, out, "all", all...)
	}
}
