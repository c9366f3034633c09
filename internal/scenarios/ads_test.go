package scenarios_test

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// 10. Storm's word count (Blazes): batches of lines, whose counts are final once every spout has sent all of a batch. Replays
// give the same: each schedule of Check is one.
func TestWordCountByBatch(t *testing.T) {
	t.Parallel()
	counts := func(p *pipeline.Pipeline, shards int, w operators.Windows, spouts ...string) operators.Growing[string, crdt.GCounter] {
		s := source("events", shards)
		s.Time, s.Producers = second, spouts
		words := operators.FlatMap(pipeline.Read(p, "events", s), func(line string) iter.Seq[string] {
			return slices.Values(strings.Fields(line)[1:])
		})
		return operators.Count("counts", operators.Window(operators.KeyBy(words, "word", strings.ToLower), w))
	}
	commit := func(p *pipeline.Pipeline, in operators.Growing[string, crdt.GCounter], when operators.Sealing) {
		writeFinals(p, "commit", operators.Seal(in, when), func(f operators.Final[string, crdt.GCounter]) string {
			return fmt.Sprint(f.Window.Start/1e9-pipelinetest.Start.Unix(), " ", f.Key, " ", f.Value.Value())
		})
	}
	batches := operators.Tumbling(time.Second) // the number of the batch is the time
	b := program(func(p *pipeline.Pipeline, shards int) {
		commit(p, counts(p, shards, batches, "spout1", "spout2"), operators.Punctuation())
	})
	waits(t, b, 2, "the promises of all producers (spout1, spout2) for the end of the window")
	in := []string{"1 keep calm", "0 and crdt on", "1 Keep", "2 calm calm", "0 on", "2 calm on"}
	naive := map[string]int{}
	for _, line := range in {
		for _, w := range strings.Fields(line)[1:] {
			naive[word(line, 0)+" "+strings.ToLower(w)]++
		}
	}
	var right []string
	for at, n := range naive {
		right = append(right, fmt.Sprint("commit final ", at, " ", n))
	}
	for shards := 1; shards <= 3; shards++ {
		all := deal(shards, in)
		for i := range in {
			all[i%shards].Producers = append(all[i%shards].Producers, fmt.Sprint("spout", i%2+1))
		}
		expect(t, pipelinetest.Check(t, b.with(shards), all, pipelinetest.Options{}), right...)
	}
	refused(t, func(p *pipeline.Pipeline, shards int) {
		commit(p, counts(p, shards, batches), operators.Punctuation())
	}, 2, "has no registered producers")
	refused(t, func(p *pipeline.Pipeline, shards int) {
		commit(p, counts(p, shards, operators.GlobalWindow()), operators.Watermark(0))
	}, 2, "a watermark never closes the global window")
}

// campaign is what is known of a campaign of the ad network: which servers serve it, said once, and the clicks of each, with how
// many there were.
type (
	clicks   = crdt.SealedSet[string]
	servers  = crdt.Map[string, clicks, *clicks]
	campaign = crdt.Pair[crdt.Point[string], *crdt.Point[string], servers, *servers]
)

// campaignOf reads "campaign servers north,south", "campaign north 0 ad" and "campaign north done 1".
func campaignOf(line string) (c campaign) {
	var own clicks
	switch {
	case word(line, 1) == "servers":
		c.First().Assign(word(line, 2))
		return c
	case word(line, 2) == "done":
		own.Declare(uint64(number(line, 3)))
	default:
		own.Put(uint64(number(line, 2)), word(line, 3))
	}
	c.Second().Update(word(line, 1), own)
	return c
}

// voted is the vote: every server of the campaign has said how many clicks it had, and they are here. Two lists of
// servers are a conflict, which stays one.
var voted = crdt.AssertUpSet("all servers have voted", func(c *campaign) bool {
	list, ok := c.First().Value()
	for server := range strings.SplitSeq(list, ",") {
		own, _ := c.Second().Get(server)
		done := crdt.Complete[string]()
		ok = ok && done.Holds(&own)
	}
	return ok || c.First().Conflict()
})

// poorIn lists the ads of a campaign with fewer than two clicks.
func poorIn(c *campaign) string {
	n := map[string]int{}
	for _, own := range c.Second().All() {
		all, _ := own.Content()
		for ad := range all {
			n[ad]++
		}
	}
	maps.DeleteFunc(n, func(_ string, n int) bool { return n >= 2 })
	return sorted(slices.Collect(maps.Keys(n)))
}

func campaigns(p *pipeline.Pipeline, shards int) {
	state := operators.Aggregate("campaigns", by(lines(p, shards), "campaign", 0), campaignOf)
	writeFinals(p, "poor", operators.SealWhen(state, voted), func(f operators.Final[string, campaign]) string {
		return f.Key + ": " + poorIn(&f.Value)
	})
}

// 11a. The ad network of Blazes: THRESH is final at once, and POOR, its opposite, needs a seal.
func TestAdNetworkThreshAndPoor(t *testing.T) {
	t.Parallel()
	counts := func(p *pipeline.Pipeline, shards int) operators.Growing[string, crdt.GCounter] {
		return operators.Count("clicks", by(lines(p, shards), "ad", 0))
	}
	thresh := program(func(p *pipeline.Pipeline, shards int) {
		write(p, "thresh", operators.Threshold(counts(p, shards), crdt.AtLeast(4)))
	})
	everywhere(t, thresh, strings.Fields("car pen car pen car pen car car toy"), "thresh stable car")
	waits(t, thresh, 2)

	poor := crdt.AssertUpSet("poor", func(c *crdt.GCounter) bool { return c.Value() > 0 && c.Value() < 4 })
	found(t, func(p *pipeline.Pipeline, shards int) { // who asks after two clicks hears that the ad is poor
		asked := operators.Aggregate("clicks", by(lines(p, shards), "ad", 0), func(line string) (s crdt.Pair[crdt.GCounter, *crdt.GCounter, crdt.Bool, *crdt.Bool]) {
			if strings.HasSuffix(line, "?") {
				s.Second().Raise()
			} else {
				s.First().Add(line, 1) // each line is there once
			}
			return s
		})
		write(p, "poor", operators.Threshold(asked, crdt.AssertUpSet("asked, and poor", func(s *crdt.Pair[crdt.GCounter, *crdt.GCounter, crdt.Bool, *crdt.Bool]) bool {
			return s.Second().Value() && poor.Holds(s.First())
		})))
	}, logs([]string{"car 1", "car 2", "car 3", "car 4"}, []string{"car ?"}))
	one, four := crdt.GCounter{}, crdt.GCounter{}
	one.Add("a", 1)
	four.Add("b", 4)
	if err := crdttest.UpwardClosed(poor, []crdt.GCounter{one, four}); err == nil {
		t.Error("POOR without a seal is not refuted")
	}
}

// 11b. WINDOW: the poor ads of each window are final once the window is sealed, by all shards.
func TestAdNetworkWindow(t *testing.T) {
	t.Parallel()
	b := program(func(p *pipeline.Pipeline, shards int) {
		counts := operators.Count("clicks", operators.Window(by(stamped(p, shards), "ad", 1), operators.Tumbling(10*time.Second)))
		finals := operators.Finals(operators.Seal(counts, operators.Watermark(2*time.Second)))
		poor := operators.Filter(finals, func(f operators.Final[string, crdt.GCounter]) bool { return f.Value.Value() < 3 })
		write(p, "poor", operators.Map(poor, func(f operators.Final[string, crdt.GCounter]) string {
			return fmt.Sprint(f.Window.Start/1e9-pipelinetest.Start.Unix(), " ", f.Key)
		}))
	})
	waits(t, b, 2, "all 2 shards of events to pass the end of the window by 2s")
	naive := map[string]int{}
	var in, right []string
	for i := range 40 {
		ad := []string{"car", "pen", "toy"}[i*i%5%3]
		in = append(in, fmt.Sprint(i, " ", ad))
		naive[fmt.Sprint(i/10*10, " ", ad)]++
	}
	for at, n := range naive {
		if n < 3 {
			right = append(right, "poor final "+at)
		}
	}
	if len(right) == 0 {
		t.Fatal("no ad is poor")
	}
	everywhere(t, b, in, right...)
	d := drive(t, b, 2) // one slow shard holds back every window
	push(d, 0, in...)
	if early := d.Results("poor"); len(early) > 0 {
		t.Errorf("final without the other shard: %v", early)
	}
}

// 11c. CAMPAIGN: each campaign is sealed by the vote of the servers that serve it: one alone ("car", an independent seal), or
// several ("pen" and "toy", shared seals). A slow server holds back its own campaigns, and no other.
func TestAdNetworkCampaign(t *testing.T) {
	t.Parallel()
	in := []string{
		"car servers north", "pen servers north,south", "toy servers south,east",
		"car north 0 car1", "car north 1 car2", "car north 2 car1", "pen north 0 pen1", "pen south 0 pen1", "toy south 0 toy1", "pen south 1 pen2",
		"car north done 3", "pen north done 1", "pen south done 2", "toy south done 1", "pen south 1 pen2",
	}
	slow := []string{"toy east 0 toy2", "toy east 1 toy2", "toy east done 2"}
	everywhere(t, campaigns, append(slices.Clone(in), slow...), "poor final car: car2", "poor final pen: pen2", "poor final toy: toy1")
	everywhere(t, campaigns, append(slices.Clone(in), slow[1:]...), "poor final car: car2", "poor final pen: pen2") // a click is missing
	waits(t, campaigns, 2)

	d := drive(t, campaigns, 2)
	push(d, 0, in...)
	same(t, results(d.Results("poor")), []string{"poor final car: car2", "poor final pen: pen2"})
	push(d, 1, slow...)
	same(t, results(d.Results("poor")), []string{"poor final toy: toy1"})

	var samples []campaign
	for _, line := range append(in, "car servers south", "car north done 2") {
		samples = append(samples, campaignOf(line))
	}
	var complete, almost campaign
	for i := range samples[:15] {
		complete.Merge(&samples[i])
		if i != 3 {
			almost.Merge(&samples[i])
		}
	}
	crdttest.CheckUpSet(t, voted, append(samples, complete, almost))

	// Those who have voted so far are not those who have a vote.
	hearsay := crdt.AssertUpSet("all I know of have voted", func(c *campaign) bool {
		done, all := crdt.Complete[string](), c.Second().Len() > 0
		for _, own := range c.Second().All() {
			all = all && done.Holds(&own)
		}
		return all
	})
	found(t, func(p *pipeline.Pipeline, shards int) {
		state := operators.Aggregate("campaigns", by(lines(p, shards), "campaign", 0), campaignOf)
		writeFinals(p, "poor", operators.SealWhen(state, hearsay), func(f operators.Final[string, campaign]) string { return poorIn(&f.Value) })
	}, logs([]string{"pen north 0 pen1", "pen north done 1"}, []string{"pen south 0 pen1", "pen south done 1"}))
	// And windows of time seal no campaign: Blazes says Diverge.
	refused(t, func(p *pipeline.Pipeline, shards int) {
		state := operators.Aggregate("campaigns", by(stamped(p, shards), "campaign", 0), campaignOf)
		writeFinals(p, "poor", operators.Seal(state, operators.Watermark(0)), func(f operators.Final[string, campaign]) string { return poorIn(&f.Value) })
	}, 2, "a watermark never closes the global window")
}
