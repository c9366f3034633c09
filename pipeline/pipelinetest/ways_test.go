package pipelinetest_test

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// inSeconds windows the records of a stream by themselves.
func inSeconds(s operators.Stream[string], n int) operators.Keyed[string, string] {
	return operators.Window(operators.KeyBy(s, "word", word), operators.Tumbling(time.Duration(n)*time.Second))
}

// writeCounts counts words in windows that are sealed.
func writeCounts(p *pipeline.Pipeline, name string, s operators.Stream[string]) {
	counts := operators.Count(name, inSeconds(s, 2))
	pipeline.Write(p, name, operators.Finals(operators.Seal(counts, operators.Watermark(0))), nowhere(name), encodeTally)
}

func brittleOf(s string) (b brittle) {
	b.set.Add(uint64(s[len(s)-1] - '0'))
	return b
}

// withOther joins a stream with another input.
func withOther(p *pipeline.Pipeline, in operators.Stream[string]) operators.Stream[string] {
	letter := func(s string) string { return s[:1] }
	return operators.OuterJoin("pairs", operators.KeyBy(in, "letter", letter), operators.KeyBy(input(p, "other", 1), "letter", letter),
		operators.Interval{After: 2 * time.Second}, func(a, b *string) string {
			switch {
			case a == nil:
				return *b + "-"
			case b == nil:
				return *a + "-"
			}
			return *a + *b
		})
}

// Where records that came by two ways are in the order of a batch, nothing may show it: either the plan has the messages applied one
// by one, or what stands there does not care. The first asks for the time of a result that a threshold gave, since that is of the record
// at which it fired.
func TestWhereWaysMeet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		shards int
		single bool
		build  func(p *pipeline.Pipeline, in, both operators.Stream[string])
	}{
		{"threshold", 1, true, func(p *pipeline.Pipeline, _, both operators.Stream[string]) {
			counts := operators.Count("counts", operators.KeyBy(both, "word", word))
			writeCounts(p, "fired", operators.Threshold(counts, crdt.AtLeast(3)))
		}},
		{"evidence", 1, true, func(p *pipeline.Pipeline, _, both operators.Stream[string]) {
			counts := operators.Count("counts", operators.KeyBy(both, "word", word))
			finals := operators.Finals(operators.SealWhen(counts, crdt.AtLeast(3)))
			writeCounts(p, "complete", operators.Map(finals, func(f tally) string { return f.Key }))
		}},
		{"deduplicate", 1, true, func(p *pipeline.Pipeline, _, both operators.Stream[string]) {
			first := operators.Deduplicate("first", operators.Window(operators.KeyBy(both, "letter", func(s string) string { return s[:1] }), operators.Tumbling(4*time.Second)), 0)
			pipeline.Write(p, "first", first, nowhere("first"), pipeline.EncodeText)
		}},
		{"a merge that can fail", 1, true, func(p *pipeline.Pipeline, in, _ operators.Stream[string]) {
			isSeven := func(s string) bool { return s[1] == '7' }
			both := operators.Union(operators.Filter(in, isSeven), operators.Filter(in, func(s string) bool { return !isSeven(s) }))
			sets := operators.Aggregate("sets", operators.Window(operators.KeyBy(both, "letter", func(s string) string { return s[:1] }), operators.Tumbling(4*time.Second)), brittleOf)
			pipeline.Write(p, "sets", operators.Finals(operators.Seal(sets, operators.EndOfInput())), nowhere("sets"), encodeBrittle)
		}},
		{"exchange", 2, true, func(p *pipeline.Pipeline, _, both operators.Stream[string]) {
			counts := operators.Count("counts", operators.KeyBy(both, "word", word))
			pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.EndOfInput())), nowhere("counts"), encodeTally)
		}},
		{"seal", 1, false, func(p *pipeline.Pipeline, _, both operators.Stream[string]) {
			writeCounts(p, "counts", both)
			distinct := operators.Distinct("distinct", inSeconds(both, 3), word)
			pipeline.Write(p, "distinct", operators.Finals(operators.Seal(distinct, operators.Watermark(time.Second))), nowhere("distinct"), func(f operators.Final[string, crdt.GSet[string]]) ([]byte, error) {
				return fmt.Appendf(nil, "%s=%d", f.Key, f.Value.Len()), nil
			})
			sessions := operators.Count("sessions", operators.Window(operators.KeyBy(both, "word", word), operators.Sessions(2*time.Second)))
			pipeline.Write(p, "sessions", operators.Finals(operators.Seal(sessions, operators.Watermark(time.Second))), nowhere("sessions"), encodeTally)
		}},
		{"results", 1, false, func(p *pipeline.Pipeline, _, both operators.Stream[string]) {
			twice := operators.FlatMap(both, func(s string) iter.Seq[string] { return slices.Values([]string{s, s}) })
			pipeline.Write(p, "twice", twice, nowhere("twice"), pipeline.EncodeText)
		}},
		{"results of a join", 1, false, func(p *pipeline.Pipeline, in, _ operators.Stream[string]) {
			pairs := withOther(p, in)
			pipeline.Write(p, "pairs", pairs, nowhere("pairs"), pipeline.EncodeText)
			writeCounts(p, "counts", pairs)
		}},
		{"exchange behind a join", 2, true, func(p *pipeline.Pipeline, in, _ operators.Stream[string]) {
			counts := operators.Count("counts", operators.KeyBy(withOther(p, in), "pair", word))
			pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.EndOfInput())), nowhere("counts"), encodeTally)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			build := func() *pipeline.Pipeline {
				p := pipeline.New("ways")
				in := input(p, "in", c.shards)
				c.build(p, in, operators.Union(operators.Filter(in, func(s string) bool { return s[1]%2 == 1 }), in))
				return p
			}
			cut, err := build().Plan()
			if err != nil {
				t.Fatal(err)
			}
			single := false
			for _, s := range cut.Stages {
				single = single || s.Single
			}
			if single != c.single {
				t.Errorf("messages are applied one by one: %t, want %t", single, c.single)
			}
			words := func(shard int) (all []string) {
				for i := range 24 {
					all = append(all, string(rune('a'+i*7%5%3))+string(rune('4'+(i+shard)*5%4)))
				}
				return all
			}
			in := []pipelinetest.Log{texts("in", 0, words(0)...)}
			if c.shards > 1 {
				in = append(in, texts("in", 1, words(1)...))
			}
			if strings.Contains(c.name, "join") {
				in = append(in, texts("other", 0, "a1", "b2", "c3", "a4", "b5", "a6"))
			}
			if out := pipelinetest.Check(t, build, in, pipelinetest.Options{Seed: 1, Rounds: 60}); len(out.Results) == 0 {
				t.Error("there are no results")
			}
		})
	}
}

// A value of an attribute is sealed between two messages, when all that the first one made is in the state, by whichever way. So the order of a
// batch does not show there, and messages need not be applied one by one. A threshold on the same state would see it.
func TestWhereWaysMeetInASealOfKeys(t *testing.T) {
	t.Parallel()
	for _, threshold := range []bool{false, true} {
		build := func() *pipeline.Pipeline {
			p := pipeline.New("ways")
			all := operators.Records(clicksByAd(p, 1, "north"))
			odd := operators.Filter(all, func(line string) bool { return line[len(line)-1]%2 == 1 })
			even := operators.Filter(all, func(line string) bool { return line[len(line)-1]%2 == 0 })
			both := operators.KeyBy(operators.Union(odd, operators.Union(even, odd)), "ad", func(line string) string { return strings.Fields(line)[0] })
			counts := operators.Count("counts", operators.Determines(both, "campaign", campaignOf))
			pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.Keys("campaign"))), nowhere("counts"), func(f sum) ([]byte, error) {
				return fmt.Append(nil, f.Key, " ", f.Value.Value()), nil
			})
			if threshold {
				pipeline.Write(p, "many", operators.Threshold(counts, crdt.AtLeast(3)), nowhere("many"), pipeline.EncodeText)
			}
			return p
		}
		cut, err := build().Plan()
		if err != nil {
			t.Fatal(err)
		}
		if cut.Stages[0].Single != threshold {
			t.Errorf("threshold %t: messages are applied one by one: %t", threshold, cut.Stages[0].Single)
		}
		l := publishingClicks(0, "north")
		for i := range 48 {
			l.click("north", fmt.Sprintf("c%d/%d %d", i/8, i%3, i))
			switch i % 12 {
			case 10:
				l.sealKey("north", fmt.Sprint("c", i/8)) // so that the next one is late, and with it the rest of the campaign
			case 5:
				l.sealKey("north", fmt.Sprint("c", i/8+7)) // of which nothing comes
			}
		}
		out := pipelinetest.Check(t, build, []pipelinetest.Log{l.Log}, pipelinetest.Options{Rounds: 40})
		if len(out.Results) == 0 || out.Late == 0 {
			t.Errorf("it shows too little: %d results, %d late", len(out.Results), out.Late)
		}
	}
}
