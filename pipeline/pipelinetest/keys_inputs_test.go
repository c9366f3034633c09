package pipelinetest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// shownAndClicked are two inputs of "campaign/ad who", with producers of their own.
func shownAndClicked(p *pipeline.Pipeline, shards int) (shown, clicked operators.Stream[string]) {
	read := func(name, producer string) operators.Stream[string] {
		s := pipeline.Source[string]{Stream: strings.ToUpper(name), Producers: []string{producer}, Decode: pipeline.Text}
		for i := range shards {
			s.Subjects = append(s.Subjects, fmt.Sprintf("%s.%d", name, i))
		}
		return pipeline.Read(p, name, s)
	}
	return read("shown", "shop"), read("clicked", "web")
}

func ad(line string) string { return strings.Fields(line)[0] }

// promisedLines deals lines of a producer to shards and promises each campaign, in each shard, behind its last line; what the next
// campaigns have comes in between.
func promisedLines(rng *rand.Rand, read, producer string, shards int, lines []string) []pipelinetest.Log {
	last := map[string]int{}
	for i, line := range lines {
		last[campaignOf(ad(line))] = i
	}
	logs := make([]pipelinetest.Log, shards)
	for i := range logs {
		logs[i] = pipelinetest.Log{Read: read, Shard: i}
	}
	for i, line := range lines {
		l := &logs[rng.IntN(shards)]
		l.Messages, l.Producers = append(l.Messages, []byte(line)), append(l.Producers, producer)
		if campaign := campaignOf(ad(line)); last[campaign] == i {
			for s := range logs {
				logs[s].SealKey(producer, "campaign", campaign)
			}
		}
	}
	return logs
}

// Two inputs, each with its own producers and as many shards as it has: a value is complete when it is in all of them. That goes for
// their union, for what groups them, and for the difference between them.
func TestKeysOfTwoInputs(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	var shown, clicked []string
	count := map[string]int{}
	for i := range 60 {
		line := fmt.Sprintf("c%d/%d %d", (i+rng.IntN(12))/12, rng.IntN(3), i)
		count[ad(line)]++
		if rng.IntN(3) == 0 {
			clicked = append(clicked, line)
		} else {
			shown = append(shown, line)
		}
	}
	var counts, unclicked []string
	for a, n := range count {
		counts = append(counts, fmt.Sprint("final ", a, " ", n))
	}
	for _, a := range slices.Sorted(maps.Keys(count)) {
		of := func(line string) bool { return ad(line) == a }
		if slices.ContainsFunc(shown, of) && !slices.ContainsFunc(clicked, of) {
			unclicked = append(unclicked, "final "+a)
		}
	}
	if len(unclicked) == 0 {
		t.Fatal("each ad is clicked")
	}
	for shards := 1; shards <= 3; shards++ {
		in := append(promisedLines(rng, "shown", "shop", shards, shown), promisedLines(rng, "clicked", "web", shards, clicked)...)
		late := &in[shards] // of those that are clicked
		late.Messages, late.Producers = append(late.Messages, []byte("c0/0 late")), append(late.Producers, "web")
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("two")
			s, c := shownAndClicked(p, shards)
			byAd := func(in operators.Stream[string]) operators.Keyed[string, string] {
				return operators.Determines(operators.KeyBy(in, "ad", ad), "campaign", campaignOf)
			}
			show := func(f sum) ([]byte, error) { return fmt.Append(nil, f.Key, " ", f.Value.Value()), nil }
			all := operators.Count("all", byAd(operators.Union(s, operators.Filter(c, func(string) bool { return true }))))
			pipeline.Write(p, "union", operators.Finals(operators.Seal(all, operators.Keys("campaign"))), nowhere("union"), show)
			each := func(line string) crdt.GSet[string] { return crdt.GSetOf(line) }
			other := operators.Determines(operators.KeyBy(c, "ad", ad), "campaign", func(string) string { return "that of the first stream counts" })
			group := operators.Cogroup("group", byAd(s), each, other, each)
			pipeline.Write(p, "cogroup", operators.Finals(operators.Seal(group, operators.Keys("campaign"))), nowhere("cogroup"), func(f operators.Final[string, crdt.GSet[string]]) ([]byte, error) {
				return fmt.Append(nil, f.Key, " ", f.Value.Len()), nil
			})
			pipeline.Write(p, "minus", operators.MinusKeys("minus", byAd(s), byAd(c), operators.Keys("campaign")), nowhere("minus"), pipeline.EncodeText)
			return p
		}, in, pipelinetest.Options{Rounds: 25})
		want(t, out, "union", slices.Clone(counts)...)
		want(t, out, "cogroup", slices.Clone(counts)...)
		want(t, out, "minus", slices.Clone(unclicked)...)
		if out.Late != 3 || len(out.Rejected) != 3 { // for each of the states
			t.Errorf("%d shards: rejected %v", shards, out.Rejected)
		}
	}
}

// A state with two inputs from one shard is told once of a value, and a value of a number is its digits.
func TestKeysThatAreNumbers(t *testing.T) {
	t.Parallel()
	for shards := 1; shards <= 2; shards++ {
		var in []pipelinetest.Log
		for i := range shards {
			l := pipelinetest.Log{Read: "clicks", Shard: i, Messages: [][]byte{[]byte("7"), []byte("-12"), []byte("7")}, Producers: []string{"north", "north", "north"}}
			l.SealKey("north", "ad", "-12")
			l.Messages, l.Producers = append(l.Messages, []byte("7"), []byte("-12")), append(l.Producers, "north", "north")
			in = append(in, l)
		}
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("numbers")
			lines := operators.Records(clicksByAd(p, shards, "north"))
			numbers := operators.KeyBy(lines, "ad", func(line string) (n int16) { _, _ = fmt.Sscan(line, &n); return n })
			each := func(string) crdt.GCounter { return crdt.GCounter{} }
			both := operators.Cogroup("both", numbers, each, numbers, each)
			pipeline.Write(p, "both", operators.Finals(operators.Seal(both, operators.Keys("ad"))), nowhere("both"), func(f operators.Final[int16, crdt.GCounter]) ([]byte, error) {
				return fmt.Append(nil, f.Key), nil
			})
			return p
		}, in, pipelinetest.Options{Rounds: 20})
		want(t, out, "both", "final -12", "final 7")
		for place, why := range out.Rejected {
			if !strings.Contains(why, `late: ad "-12" was sealed`) {
				t.Errorf("%s: %s", place, why)
			}
		}
		if out.Late != shards { // by both ways, which is one record
			t.Errorf("%d are late", out.Late)
		}
	}
}

// A record whose own campaign is not that of its ad is a dead letter, and so is one of which nobody can say its campaign.
func TestFalseDependencyIsFound(t *testing.T) {
	t.Parallel()
	l := pipelinetest.Log{Read: "clicks"}
	for _, line := range []string{"car1 car", "pen1 pen", "car1 pen", "toy1 toy", "car2 car"} {
		l.Messages, l.Producers = append(l.Messages, []byte(line)), append(l.Producers, "north")
	}
	l.SealKey("north", "campaign", "car")
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("claims")
		ads := operators.AssertDetermines(clicksByAd(p, 1, "north"), "campaign", func(ad string) string {
			if ad == "toy1" {
				panic("no such ad")
			}
			return ad[:3]
		}, func(line string) string { return strings.Fields(line)[1] })
		counts := operators.Count("counts", ads)
		pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.Keys("campaign"))), nowhere("counts"), func(f sum) ([]byte, error) {
			return fmt.Append(nil, f.Key, " ", f.Value.Value()), nil
		})
		pipeline.Write(p, "late", operators.Late(ads, counts), nowhere("late"), pipeline.EncodeText)
		return p
	}, []pipelinetest.Log{l}, pipelinetest.Options{})
	want(t, out, "counts", "final car1 1", "final car2 1", "final pen1 1")
	want(t, out, "late")
	var got []string
	for _, why := range out.Rejected {
		got = append(got, why)
	}
	slices.Sort(got)
	if len(got) != 2 || !strings.Contains(got[0], "no such ad") || !strings.Contains(got[1], `its campaign is "pen", but that of its ad is "car"`) {
		t.Errorf("rejected: %q", got)
	}
}

// An input can be sealed on several attributes, and by time, each of which closes its own states.
func TestKeysBesideTimes(t *testing.T) {
	t.Parallel()
	for shards := 1; shards <= 2; shards++ {
		build := func() *pipeline.Pipeline {
			p := pipeline.New("beside")
			s := pipeline.Source[string]{Stream: "CLICKS", Producers: []string{"north"}, Decode: pipeline.Text, Time: func(line string) time.Time {
				var second int
				_, _ = fmt.Sscan(strings.Fields(line)[1], &second)
				return time.Unix(begin+int64(second), 0)
			}}
			for i := range shards {
				s.Subjects = append(s.Subjects, fmt.Sprintf("clicks.%d", i))
			}
			clicks := pipeline.Read(p, "clicks", s)
			ads := operators.Determines(operators.KeyBy(clicks, "ad", ad), "campaign", campaignOf)
			show := func(f sum) ([]byte, error) { return fmt.Append(nil, f.Key, " ", f.Value.Value()), nil }
			for _, name := range []string{"ad", "campaign"} {
				pipeline.Write(p, name, operators.Finals(operators.Seal(operators.Count("by-"+name, ads), operators.Keys(name))), nowhere(name), show)
			}
			tens := operators.Count("tens", operators.Window(ads, operators.Tumbling(10*time.Second)))
			pipeline.Write(p, "window", operators.Finals(operators.Seal(tens, operators.Punctuation())), nowhere("window"), show)
			return p
		}
		d := pipelinetest.NewDriver(t, build())
		push := func(line string, shard int) {
			d.PushMessage("clicks", pipelinetest.Message{Producer: "north", Data: []byte(line), Shard: shard})
		}
		results := func(write string, right ...string) {
			t.Helper()
			var got []string
			for _, r := range d.Results(write) {
				got = append(got, r.Payload)
			}
			if slices.Sort(got); !slices.Equal(got, right) {
				t.Errorf("%d shards, %s: got %q, want %q", shards, write, got, right)
			}
		}
		push("car/a 1", 0)
		push("car/b 2", shards-1)
		push("pen/a 3", 0)
		d.SealKey("clicks", "north", "ad", "car/a")
		results("ad", "car/a 1")
		results("campaign")
		push("car/a 4", 0) // late for one, and not for the others
		d.SealKey("clicks", "north", "campaign", "car")
		results("ad")
		results("campaign", "car/a 2", "car/b 1")
		push("car/b 5", 0)
		results("window")
		d.End()
		results("ad", "car/b 2", "pen/a 1")
		results("campaign", "pen/a 1")
		results("window", "car/a 2", "car/b 2", "pen/a 1")
		for _, r := range d.Rejected() {
			if !r.Late || r.Operator != "count by-ad" && string(r.Payload) == "car/a 4" || r.Operator != "count by-campaign" && string(r.Payload) == "car/b 5" {
				t.Errorf("rejected: %+v", r)
			}
		}
	}
}

// What panics costs its record: a key of which no record could be used has no result, and what a broken Merge has done to a state by
// then is part of it, sealed or restarted.
func TestKeysOfLatticesThatPanic(t *testing.T) {
	t.Parallel()
	for shards := 1; shards <= 2; shards++ {
		var in []pipelinetest.Log
		for i := range shards {
			l := pipelinetest.Log{Read: "clicks", Shard: i}
			for _, line := range []string{"broken/a 7", "half/a 1", "whole/a 1", "half/a 7", "whole/a 2", "broken/b 7", "whole/b 1", "broken/b 7", "whole/b 2", "half/a 2", "seal half", "whole/a 3", "seal broken"} {
				if campaign, ok := strings.CutPrefix(line, "seal "); ok {
					l.SealKey("north", "campaign", campaign)
					continue
				}
				l.Messages, l.Producers = append(l.Messages, []byte(line)), append(l.Producers, "north")
			}
			in = append(in, l)
		}
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("brittle")
			ads := operators.Determines(clicksByAd(p, shards, "north"), "campaign", campaignOf)
			sets := operators.Aggregate("sets", ads, func(line string) brittle {
				var r reading
				_, _ = fmt.Sscan(strings.Fields(line)[1], &r.Value)
				return liftBrittle(r)
			})
			pipeline.Write(p, "sets", operators.Finals(operators.Seal(sets, operators.Keys("campaign"))), nowhere("sets"), func(f operators.Final[string, brittle]) ([]byte, error) {
				return fmt.Append(nil, f.Key, " ", f.Value.String()), nil
			})
			seven := crdt.AssertUpSet("has 7", func(b *brittle) bool {
				if b.set.Contains(3) {
					panic("a question that breaks")
				}
				return b.set.Contains(7)
			})
			pipeline.Write(p, "seven", operators.Threshold(sets, seven), nowhere("seven"), pipeline.EncodeText)
			return p
		}, in, pipelinetest.Options{Rounds: 400})
		want(t, out, "sets", "final half/a 3", "final whole/a 3", "final whole/b 2")
		want(t, out, "seven", "stable half/a")
		for place, why := range out.Rejected {
			if !strings.Contains(why, "brittle") && !strings.Contains(why, "a question that breaks") {
				t.Errorf("%s: %s", place, why)
			}
		}
	}
}
