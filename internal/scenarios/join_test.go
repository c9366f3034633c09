package scenarios_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
)

// 17. The join of two streams (bud's labels): both sides persist, so that it is monotone and a pair leaves as soon as it is
// complete. The unguarded join, which remembers only what happens to be there, cannot be said with operators, and who builds it into a
// function is found out.
func TestJoinOfStreams(t *testing.T) {
	t.Parallel()
	b := program(func(p *pipeline.Pipeline, shards int) {
		pairs := operators.Join("pairs", by(timed(p, "orders", shards), "key", 1), by(stamped(p, shards), "key", 1),
			operators.Interval{Before: 4 * time.Second, After: 9 * time.Second, Lateness: time.Hour}, func(left, right string) string { return left + " + " + right })
		write(p, "pair", pairs)
	})
	waits(t, b, 2)
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 17))
		var left, right, pairs []string
		for i := range 24 {
			left = append(left, fmt.Sprint(rng.IntN(40), " k", rng.IntN(3), " l", i))
			right = append(right, fmt.Sprint(rng.IntN(40), " k", rng.IntN(3), " r", i))
		}
		for _, l := range left { // the nested loop
			for _, r := range right {
				if d := number(r, 0) - number(l, 0); word(l, 1) == word(r, 1) && d >= -4 && d <= 9 {
					pairs = append(pairs, "pair stable "+l+" + "+r)
				}
			}
		}
		everywhereOf(t, b, map[string][]string{"orders": left, "events": right}, pairs...)
	}

	for _, half := range []bool{false, true} { // BugButt keeps neither side, HalfGuard the left one
		found(t, func(p *pipeline.Pipeline, shards int) {
			left := ""
			both := operators.Map(lines(p, shards), func(line string) string {
				pair := left + " + " + line
				if word(line, 0) == "left" {
					left, pair = line, ""
				} else if !half {
					left = ""
				}
				return pair
			})
			write(p, "pair", operators.Filter(both, func(pair string) bool { return strings.HasPrefix(pair, "left") }))
		}, logs([]string{"left 1", "right 1", "right 2", "left 2", "right 3"}))
	}
	guarded := program(func(p *pipeline.Pipeline, shards int) { // FullGuard: both persist
		in := operators.Aggregate("both", operators.KeyBy(lines(p, shards), "all", func(string) int { return 0 }), func(line string) crdt.GSet[string] { return crdt.GSetOf(line) })
		write(p, "pair", operators.Map(operators.Threshold(in, crdt.All(crdt.Contains("left 1"), crdt.Contains("right 1"))), func(int) string { return "left 1 + right 1" }))
	})
	everywhere(t, guarded, []string{"right 1", "left 2", "left 1"}, "pair stable left 1 + right 1")
}

// couple is who has said "I do".
type couple = crdt.Pair[crdt.Bool, *crdt.Bool, crdt.Bool, *crdt.Bool]

// 18. The asynchronous marriage ceremony (Marczak): runaway ← ¬i_do(bride), i_do(groom). Without a seal it has two ultimate models; with
// seals on what both say it has one.
func TestMarriageCeremony(t *testing.T) {
	t.Parallel()
	said := func(p *pipeline.Pipeline, shards int) operators.Growing[string, couple] {
		return operators.Cogroup("said",
			by(input(p, "bride", shards), "couple", 0), func(string) couple {
				return crdt.PairOf[crdt.Bool, crdt.Bool](crdt.BoolOf(true), crdt.Bool{})
			},
			by(input(p, "groom", shards), "couple", 0), func(string) couple {
				return crdt.PairOf[crdt.Bool, crdt.Bool](crdt.Bool{}, crdt.BoolOf(true))
			})
	}
	sealed := program(func(p *pipeline.Pipeline, shards int) {
		writeFinals(p, "ceremony", operators.Seal(said(p, shards), operators.EndOfInput()), func(f operators.Final[string, couple]) string {
			switch bride, groom := f.Value.First().Value(), f.Value.Second().Value(); {
			case bride && groom:
				return f.Key + " married"
			case groom:
				return f.Key + " runaway bride"
			default:
				return f.Key + " runaway groom"
			}
		})
	})
	in := map[string][]string{"bride": {"ef", "ab"}, "groom": {"ab", "cd", "ab"}}
	everywhereOf(t, sealed, in,
		"ceremony final ab married", "ceremony final cd runaway bride", "ceremony final ef runaway groom")
	waits(t, sealed, 2, "the end marker of all 4 shards of bride, groom")
	married := program(func(p *pipeline.Pipeline, shards int) { // the rule without ¬
		both := crdt.All(crdt.First[crdt.Bool, crdt.Bool, *crdt.Bool, *crdt.Bool](crdt.Raised()), crdt.Second[crdt.Bool, crdt.Bool, *crdt.Bool, *crdt.Bool](crdt.Raised()))
		write(p, "married", operators.Threshold(said(p, shards), both))
	})
	everywhereOf(t, married, in, "married stable ab")
	waits(t, married, 2)

	runaway := crdt.AssertUpSet("runaway", func(c *couple) bool { return c.Second().Value() && !c.First().Value() })
	early := program(func(p *pipeline.Pipeline, shards int) {
		write(p, "runaway", operators.Threshold(said(p, shards), runaway))
	})
	models := map[int]bool{}
	for _, order := range [][]string{{"groom", "bride"}, {"bride", "groom"}} {
		d := drive(t, early, 1)
		for _, speaker := range order {
			d.Push(speaker, "ab")
		}
		models[len(d.Results("runaway"))] = true
	}
	if len(models) != 2 {
		t.Errorf("the ultimate models have so many runaways: %v", models)
	}
	found(t, early, append(dealTo("groom", 1, []string{"ab"}), dealTo("bride", 1, []string{"ab"})...))
	samples := []couple{crdt.PairOf[crdt.Bool, crdt.Bool](crdt.BoolOf(true), crdt.Bool{}), crdt.PairOf[crdt.Bool, crdt.Bool](crdt.Bool{}, crdt.BoolOf(true))}
	if err := crdttest.UpwardClosed(runaway, samples); err == nil {
		t.Error("the runaway is not refuted")
	}
}
