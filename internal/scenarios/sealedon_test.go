package scenarios_test

import (
	"fmt"
	"iter"
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

// servers publish clicks; "server campaign ad", or "server done campaign" where it promises the campaign.
var adServers = []string{"east", "north", "south"}

// clicksOf reads clicks of registered servers, by campaign and ad: the gate of CAMPAIGN in Blazes, OR{id,campaign}.
func clicksOf(p *pipeline.Pipeline, shards int) operators.Keyed[string, string] {
	s := source("events", shards)
	s.Producers = adServers
	return operators.KeyBy(pipeline.Read(p, "events", s), "ad", func(line string) string { return word(line, 1) + "/" + word(line, 2) })
}

func campaignOfAd(ad string) string { return ad[:strings.Index(ad, "/")] }

// sealedOnCampaign lists the ads of each campaign with fewer than two clicks, once the campaign is sealed.
func sealedOnCampaign(p *pipeline.Pipeline, shards int) {
	counts := operators.Count("clicks", operators.Determines(clicksOf(p, shards), "campaign", campaignOfAd))
	finals := operators.Finals(operators.Seal(counts, operators.Keys("campaign")))
	poor := operators.Filter(finals, func(f operators.Final[string, crdt.GCounter]) bool { return f.Value.Value() < 2 })
	write(p, "poor", operators.Map(poor, func(f operators.Final[string, crdt.GCounter]) string { return f.Key }))
}

// logsOfServers deals clicks to shards, and promises to all of them.
func logsOfServers(rng *rand.Rand, shards int, in []string) []pipelinetest.Log {
	all := deal(shards, nil)
	for _, line := range in {
		if word(line, 1) == "done" {
			for i := range all {
				all[i].SealKey(word(line, 0), "campaign", word(line, 2))
			}
			continue
		}
		l := &all[rng.IntN(shards)]
		l.Messages, l.Producers = append(l.Messages, []byte(line)), append(l.Producers, word(line, 0))
	}
	return all
}

// 11c. CAMPAIGN with Seal_campaign: the servers promise each campaign, in the words of Blazes, and the plan finds that the seal is
// compatible with the gate {ad, campaign}, since that determines the campaign. "car" is served by one server alone, "pen" and "toy"
// by several; who does not serve a campaign promises it at once. The results are the same in all schedules, shards and orders, and a
// slow server holds back its own campaigns and no other.
func TestAdNetworkSealedOnCampaign(t *testing.T) {
	t.Parallel()
	waits(t, sealedOnCampaign, 2, "all 2 shards of events to hold the promises of all producers (east, north, south) for the campaign of a key")
	in := []string{
		"east done car", "south done car", "east done pen", "north done toy",
		"north car car1", "south pen pen1", "north car car2", "north pen pen1", "north car car1", "south toy toy1", "north done car",
		"south pen pen2", "north done pen", "south done pen", "south done toy",
	}
	slow := []string{"east toy toy2", "east toy toy2", "east done toy"}
	rng := rand.New(rand.NewPCG(1, 1))
	for shards := 1; shards <= 3; shards++ {
		for owners := 1; owners <= 4; owners++ {
			out := pipelinetest.Check(t, program(sealedOnCampaign).with(shards), logsOfServers(rng, shards, append(slices.Clone(in), slow...)), pipelinetest.Options{Rounds: 15, Owners: owners})
			expect(t, out, "poor final car/car2", "poor final pen/pen2", "poor final toy/toy1")
			if len(out.Rejected) > 0 {
				t.Errorf("%d shards: rejected %v", shards, out.Rejected)
			}
		}
	}
	pipelinetest.CheckShards(t, func(shards int) *pipeline.Pipeline { return program(sealedOnCampaign).with(shards)() },
		logsOfServers(rng, 1, append(slices.Clone(in), slow...)), pipelinetest.Options{Rounds: 30})

	d := drive(t, sealedOnCampaign, 2)
	play := func(lines []string) []string {
		for i, line := range lines {
			if word(line, 1) == "done" {
				d.SealKey("events", word(line, 0), "campaign", word(line, 2))
			} else {
				d.PushMessage("events", pipelinetest.Message{Shard: i % 2, Data: []byte(line), Producer: word(line, 0)})
			}
		}
		return results(d.Results("poor"))
	}
	same(t, play(in), []string{"poor final car/car2", "poor final pen/pen2"})
	same(t, play(slow), []string{"poor final toy/toy1"})
	same(t, play([]string{"north car car2"}), nil)
	if late := d.Rejected(); len(late) != 1 || !late[0].Late {
		t.Errorf("what breaks a promise: %v", late)
	}
}

// 11c, the ones that are not compatible: a seal on the campaign says nothing of an ad that may be in several, or of a window, and one on
// the time nothing of a campaign (Blazes: CAMPAIGN with Seal_window is Diverge).
func TestAdNetworkSealsThatAreNotCompatible(t *testing.T) {
	t.Parallel()
	show := func(f operators.Final[string, crdt.GCounter]) string { return f.Key }
	byAd := func(p *pipeline.Pipeline, shards int) operators.Keyed[string, string] {
		return operators.KeyBy(operators.Records(clicksOf(p, shards)), "ad", func(line string) string { return word(line, 2) })
	}
	refused(t, func(p *pipeline.Pipeline, shards int) {
		writeFinals(p, "poor", operators.Seal(operators.Count("clicks", byAd(p, shards)), operators.Keys("campaign")), show)
	}, 2, `label Run, because its keys are those of "ad", and nothing says that each of them has one "campaign"`)
	refused(t, func(p *pipeline.Pipeline, shards int) {
		ads := operators.Determines(byAd(p, shards), "campaign", func(string) string { return "car" })
		writeFinals(p, "poor", operators.Seal(operators.Count("clicks", operators.Window(ads, operators.Tumbling(time.Minute))), operators.Keys("campaign")), show)
	}, 2, "complete by time and not by campaign")
	refused(t, func(p *pipeline.Pipeline, shards int) {
		writeFinals(p, "poor", operators.Seal(operators.Count("clicks", clicksOf(p, shards)), operators.Punctuation()), show)
	}, 2, "a watermark never closes the global window")

	// That an ad has one campaign is a claim where the click says its campaign too: a click that denies it is a dead letter.
	claimed := program(func(p *pipeline.Pipeline, shards int) {
		of := map[string]string{"car1": "car", "pen1": "pen"}
		ads := operators.AssertDetermines(byAd(p, shards), "campaign", func(ad string) string { return of[ad] }, func(line string) string { return word(line, 1) })
		writeFinals(p, "clicks", operators.Seal(operators.Count("clicks", ads), operators.Keys("campaign")), func(f operators.Final[string, crdt.GCounter]) string {
			return fmt.Sprint(f.Key, " ", f.Value.Value())
		})
	})
	for shards := 1; shards <= 3; shards++ {
		out := pipelinetest.Check(t, claimed.with(shards), logsOfServers(rand.New(rand.NewPCG(2, 2)), shards, []string{
			"north car car1", "north pen pen1", "south pen car1", "north done car", "south done car", "east done car", "north pen pen1",
		}), pipelinetest.Options{Rounds: 20})
		expect(t, out, "clicks final car1 1", "clicks final pen1 2")
		if len(out.Rejected) != 1 || out.Late != 0 {
			t.Errorf("%d shards: rejected %v", shards, out.Rejected)
		}
	}
}

// 10. Storm's word count with Seal_batch: the number of the batch is no time but an attribute of its own, which the gate {word,
// batch} determines. A batch is committed once its spouts have promised it, in any order of batches.
func TestWordCountSealedOnBatch(t *testing.T) {
	t.Parallel()
	b := program(func(p *pipeline.Pipeline, shards int) {
		s := source("events", shards)
		s.Producers = []string{"spout1", "spout2"}
		words := operators.FlatMap(pipeline.Read(p, "events", s), func(line string) iter.Seq[string] {
			return func(yield func(string) bool) {
				for _, w := range strings.Fields(line)[1:] {
					if !yield(word(line, 0) + " " + strings.ToLower(w)) {
						return
					}
				}
			}
		})
		batch := func(gate string) int { return number(gate, 0) }
		byGate := operators.Determines(operators.KeyBy(words, "word-and-batch", func(w string) string { return w }), "batch", batch)
		writeFinals(p, "commit", operators.Seal(operators.Count("counts", byGate), operators.Keys("batch")), func(f operators.Final[string, crdt.GCounter]) string {
			return fmt.Sprint(f.Key, " ", f.Value.Value())
		})
	})
	waits(t, b, 2, "the promises of all producers (spout1, spout2) for the batch of a key")
	in := []string{"1 keep calm", "0 and crdt on", "1 Keep", "2 calm calm", "0 on", "2 calm on"}
	naive := map[string]int{}
	for _, line := range in {
		for _, w := range strings.Fields(line)[1:] {
			naive[word(line, 0)+" "+strings.ToLower(w)]++
		}
	}
	var right []string
	for gate, n := range naive {
		right = append(right, fmt.Sprint("commit final ", gate, " ", n))
	}
	for shards := 1; shards <= 3; shards++ {
		all := deal(shards, in)
		for i := range in {
			all[i%shards].Producers = append(all[i%shards].Producers, fmt.Sprint("spout", i%2+1))
		}
		for i := range all {
			for _, batch := range []string{"2", "0", "1"} {
				all[i].SealKey("spout1", "batch", batch)
				all[i].SealKey("spout2", "batch", batch)
			}
		}
		expect(t, pipelinetest.Check(t, b.with(shards), all, pipelinetest.Options{}), right...)
	}
}
