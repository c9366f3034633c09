package pipelinetest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// clicks are lines "campaign/ad who", counted by campaign and ad: a key that determines its campaign.
func clicks(shards int, producers ...string) func() *pipeline.Pipeline {
	return func() *pipeline.Pipeline {
		p := pipeline.New("clicks")
		ads := operators.Determines(clicksByAd(p, shards, producers...), "campaign", campaignOf)
		counts := operators.Count("counts", ads)
		pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.Keys("campaign"))), nowhere("counts"), func(f sum) ([]byte, error) {
			return fmt.Append(nil, f.Key, " ", f.Value.Value()), nil
		})
		pipeline.Write(p, "many", operators.Threshold(counts, crdt.AtLeast(3)), nowhere("many"), pipeline.EncodeText)
		pipeline.Write(p, "late", operators.Late(ads, counts), nowhere("late"), pipeline.EncodeText)
		return p
	}
}

func clicksByAd(p *pipeline.Pipeline, shards int, producers ...string) operators.Keyed[string, string] {
	s := pipeline.Source[string]{Stream: "CLICKS", Producers: producers, Decode: pipeline.Text}
	for i := range shards {
		s.Subjects = append(s.Subjects, fmt.Sprintf("clicks.%d", i))
	}
	return operators.KeyBy(pipeline.Read(p, "clicks", s), "ad", func(line string) string { return strings.Fields(line)[0] })
}

func campaignOf(ad string) string {
	campaign, _, _ := strings.Cut(ad, "/")
	return campaign
}

func publishingClicks(shard int, producers ...string) *published {
	l := publishing(shard, producers...)
	l.Read = "clicks"
	return l
}

func (l *published) click(producer, line string) {
	l.tally[producer].Add([]byte(line))
	l.add([]byte(line), seal.RecordHeaders(producer, l.tally[producer].Count))
}

func (l *published) sealKey(producer, campaign string) {
	l.add([]byte(campaign), seal.KeyHeaders(producer, "campaign", *l.tally[producer]))
}

// modelOfKeys is the same by definition: it keeps all messages of a shard, and looks through all of them for each record.
type modelOfKeys struct {
	producers []string
	counted   map[string]int // by ad
	late      []string
}

func (m *modelOfKeys) shard(l pipelinetest.Log) {
	for i, data := range l.Messages {
		if len(l.Headers[i][seal.Header]) > 0 || m.again(l, i) {
			continue
		}
		ad, _, _ := strings.Cut(string(data), " ")
		if m.sealed(l, i, campaignOf(ad)) {
			m.late = append(m.late, string(data))
		} else {
			m.counted[ad]++
		}
	}
}

// again reports whether message i was there before it.
func (m *modelOfKeys) again(l pipelinetest.Log, i int) bool {
	for j := range i {
		if maps.EqualFunc(l.Headers[i], l.Headers[j], slices.Equal) {
			return true
		}
	}
	return false
}

// prefix counts the records without a gap that a producer has among the first n messages.
func (m *modelOfKeys) prefix(l pipelinetest.Log, n int, producer string) (count uint64) {
	numbers := map[string]bool{}
	for _, h := range l.Headers[:n] {
		if seal.Producer(h) == producer && len(h[seal.SequenceHeader]) > 0 {
			numbers[h[seal.SequenceHeader][0]] = true
		}
	}
	for numbers[fmt.Sprint(count+1)] {
		count++
	}
	return count
}

// sealed reports whether all producers had promised a campaign, and delivered, with the first n messages.
func (m *modelOfKeys) sealed(l pipelinetest.Log, n int, campaign string) bool {
	for _, producer := range m.producers {
		has := false
		for j, h := range l.Headers[:n] {
			var count uint64
			if seal.Producer(h) != producer || len(h[seal.Header]) == 0 || string(l.Messages[j]) != campaign {
				continue
			}
			_, _ = fmt.Sscan(h[seal.CountHeader][0], &count)
			has = has || m.prefix(l, j, producer) <= count && count <= m.prefix(l, n, producer)
		}
		if !has {
			return false
		}
	}
	return true
}

// Whatever order records and promises of values come in, and however often, whoever crashes: each record is in exactly one final
// result or late, as its own shard's log says, and nothing else. The model knows that log and nothing of the engine.
func TestSealsOfKeysAgainstModel(t *testing.T) {
	t.Parallel()
	lates := 0
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 7))
		names := []string{"north", "south", "east"}[:1+seed%3]
		model := modelOfKeys{producers: names, counted: map[string]int{}}
		var in []pipelinetest.Log
		for shard := range 1 + int(seed/3)%3 {
			l := publishingClicks(shard, names...)
			for i := range 40 {
				name := names[rng.IntN(len(names))]
				if rng.IntN(4) == 0 {
					l.sealKey(name, fmt.Sprint("c", rng.IntN(1+i/8)))
					continue
				}
				l.click(name, fmt.Sprintf("c%d/%d %d", i/8+rng.IntN(3)-min(1, i/8), rng.IntN(2), i))
			}
			if seed%2 == 1 {
				l.shuffle(rng)
			}
			model.shard(l.Log)
			in = append(in, l.Log)
		}
		out := pipelinetest.Check(t, clicks(len(in), names...), in, pipelinetest.Options{Rounds: 12, Seed: seed + 1})
		var right []string
		for ad, n := range model.counted {
			right = append(right, fmt.Sprint("final ", ad, " ", n))
		}
		want(t, out, "counts", right...)
		right = nil
		for _, line := range model.late {
			right = append(right, "stable "+line)
		}
		want(t, out, "late", right...)
		if out.Late != len(model.late) {
			t.Errorf("seed %d: %d are late, want %d", seed, out.Late, len(model.late))
		}
		lates += out.Late
		for place, why := range out.Rejected {
			if !strings.Contains(why, "late: campaign") && !strings.Contains(why, "held against no digest") {
				t.Errorf("%s: %s", place, why)
			}
		}
	}
	if lates < 20 {
		t.Errorf("only %d records were late: the test shows too little", lates)
	}
}

// Records and promises dealt to other shards give the same, or, where some come behind the promise of their value, are still in exactly one
// result or late.
func TestSealsOfKeysInAnyShards(t *testing.T) {
	t.Parallel()
	l := pipelinetest.Log{Read: "clicks"}
	for i := range 60 {
		name := []string{"north", "south"}[i%2]
		l.Messages, l.Producers = append(l.Messages, fmt.Appendf(nil, "c%d/%d %d", i/10, i%3, i)), append(l.Producers, name)
		if i%10 == 9 {
			l.SealKey("north", "campaign", fmt.Sprint("c", i/10))
		}
		if i%20 == 19 { // the other one is slow
			l.SealKey("south", "campaign", fmt.Sprint("c", i/10-1))
			l.SealKey("south", "campaign", fmt.Sprint("c", i/10))
		}
	}
	pipelinetest.CheckShards(t, func(shards int) *pipeline.Pipeline { return clicks(shards, "north", "south")() }, []pipelinetest.Log{l}, pipelinetest.Options{
		Accounts: []pipelinetest.Account{{Write: "counts", Records: func(r pipelinetest.Result) (n uint64, err error) {
			_, err = fmt.Sscan(strings.Fields(r.Payload)[1], &n)
			return n, err
		}}},
	})
}

// A value is final as soon as the last producer has promised it in the last shard, and no sooner; others wait on. What was open is
// forgotten, and an end counts as a promise of everything.
func TestKeysAreFinalWhenPromised(t *testing.T) {
	t.Parallel()
	d := pipelinetest.NewDriver(t, clicks(2, "north", "south")())
	click := func(producer, line string, shard int) {
		d.PushMessage("clicks", pipelinetest.Message{Producer: producer, Data: []byte(line), Shard: shard})
	}
	finals := func(right ...string) {
		t.Helper()
		var got []string
		for _, r := range d.Results("counts") {
			got = append(got, fmt.Sprint(r.Verdict, " ", r.Payload))
		}
		if slices.Sort(got); !slices.Equal(got, right) {
			t.Errorf("got %q, want %q", got, right)
		}
	}
	click("north", "car/a 1", 0)
	click("south", "car/a 2", 1)
	click("south", "car/b 3", 0)
	click("south", "pen/a 4", 0)
	d.SealKey("clicks", "south", "campaign", "car")
	finals()
	d.SealKey("clicks", "north", "campaign", "car")
	finals("final car/a 2", "final car/b 1")
	d.SealKey("clicks", "north", "campaign", "car") // again
	d.SealKey("clicks", "north", "campaign", "pen")
	d.SealKey("clicks", "north", "colour", "pen") // for another pipeline
	click("south", "pen/a 5", 1)
	click("north", "car/a 6", 1)
	finals()
	if late := d.Rejected(); len(late) != 1 || !late[0].Late || string(late[0].Payload) != "car/a 6" {
		t.Errorf("rejected: %+v", late)
	}
	d.SealKey("clicks", "south", "campaign", "pen")
	finals("final pen/a 2")
	click("north", "toy/a 7", 0)
	d.End()
	finals("final toy/a 1")
}

// A state in the stage of its input needs no exchange for it.
func TestKeysInOneShard(t *testing.T) {
	t.Parallel()
	l := pipelinetest.Log{Read: "clicks", Messages: [][]byte{[]byte("car/a 1"), []byte("pen/a 2"), []byte("car/b 3")}, Producers: []string{"north", "north", "north"}}
	l.SealKey("north", "campaign", "car")
	l.Messages, l.Producers = append(l.Messages, []byte("car/a 4"), []byte("pen/a 5")), append(l.Producers, "north", "north")
	out := pipelinetest.Check(t, clicks(1, "north"), []pipelinetest.Log{l}, pipelinetest.Options{})
	want(t, out, "counts", "final car/a 1", "final car/b 1", "final pen/a 2")
	want(t, out, "late", "stable car/a 4")
}
