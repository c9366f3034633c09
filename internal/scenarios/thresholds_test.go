package scenarios_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
)

// activity is "account add thing" or "account remove thing".
func activity(line string) crdt.TwoPhaseSet[string] {
	c := cartOf(line)
	return *c.First()
}

// 4. Suspicious activity, and the rate limiter |A|+|R| > n ("Keep CALM and CRDT On", §3.1): true or unknown, never false, never
// taken back, and nothing waits.
func TestSuspiciousActivity(t *testing.T) {
	t.Parallel()
	const cards, changes = 3, 6
	suspicious := crdt.AddedElements[string]().Select("gift cards", func(s string) bool { return strings.HasPrefix(s, "gift") }).CountAtLeast(cards)
	activities := func(p *pipeline.Pipeline, shards int) operators.Growing[string, crdt.TwoPhaseSet[string]] {
		return operators.Aggregate("activity", by(lines(p, shards), "account", 0), activity)
	}
	b := program(func(p *pipeline.Pipeline, shards int) {
		write(p, "suspicious", operators.Threshold(activities(p, shards), suspicious))
		busy := operators.Aggregate("changes", by(input(p, "again", shards), "account", 0), activity)
		write(p, "busy", operators.Threshold(busy, crdt.ChangesAtLeast[string](changes)))
	})
	waits(t, b, 2)
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 4))
		var in, right []string
		added, removed := map[string]map[string]bool{}, map[string]map[string]bool{}
		for range 40 { // with repetitions
			account, thing := fmt.Sprint("a", rng.IntN(5)), []string{"gift", "book"}[rng.IntN(2)]+fmt.Sprint(rng.IntN(3+rng.IntN(3)))
			if added[account] == nil {
				added[account], removed[account] = map[string]bool{}, map[string]bool{}
			}
			added[account][thing] = true
			op := "add"
			if rng.IntN(3) == 0 {
				op = "remove"
				removed[account][thing] = true
			}
			in = append(in, account+" "+op+" "+thing)
		}
		for account, things := range added {
			gifts := 0
			for thing := range things {
				if thing[0] == 'g' {
					gifts++
				}
			}
			if gifts >= cards {
				right = append(right, "suspicious stable "+account)
			}
			if len(things)+len(removed[account]) >= changes {
				right = append(right, "busy stable "+account)
			}
		}
		everywhereOf(t, b, map[string][]string{"events": in, "again": in}, right...)
	}

	// The other answer, "not suspicious", is one that can be taken back.
	innocent := crdt.AssertUpSet("innocent", func(s *crdt.TwoPhaseSet[string]) bool { return s.Changes() > 0 && !suspicious.Holds(s) })
	found(t, func(p *pipeline.Pipeline, shards int) {
		write(p, "innocent", operators.Threshold(operators.Aggregate("activity", by(lines(p, shards), "account", 0), activityOnce), innocent))
	}, logs([]string{"a add gift1,gift2,gift3"}, []string{"a add book"}))
	samples := []crdt.TwoPhaseSet[string]{activity("a add gift1"), activity("a add gift2"), activityOnce("a add gift3,gift4"), activity("a remove book")}
	if err := crdttest.UpwardClosed(innocent, samples); err == nil {
		t.Error("innocence is not refuted")
	}
	crdttest.CheckUpSet(t, suspicious, append(samples, activityOnce("a add gift1,gift2,gift3")))
}

// activityOnce is activity with several things at once.
func activityOnce(line string) (s crdt.TwoPhaseSet[string]) {
	for thing := range strings.SplitSeq(word(line, 2), ",") {
		s.Add(thing)
	}
	return s
}

// 5. The quorum (Bloom^L, figures 2 and 3): a set of voters, and not a count of votes.
func TestQuorum(t *testing.T) {
	t.Parallel()
	const enough = 5
	b := program(func(p *pipeline.Pipeline, shards int) {
		voters := operators.Distinct("voters", by(lines(p, shards), "ballot", 0), func(line string) string { return word(line, 1) })
		write(p, "decided", operators.Threshold(voters, crdt.SizeAtLeast[string](enough)))
	})
	var in []string
	for i := range 12 { // a is voted for by six, b by four, each twice
		in = append(in, fmt.Sprint("a voter", i%6), fmt.Sprint("b voter", i%4))
	}
	everywhere(t, b, in, "decided stable a")
	waits(t, b, 2)

	// Whoever counts votes counts some twice: the count is stable too, and says something else.
	votes := program(func(p *pipeline.Pipeline, shards int) {
		write(p, "decided", operators.Threshold(operators.Count("votes", by(lines(p, shards), "ballot", 0)), crdt.AtLeast(enough)))
	})
	everywhere(t, votes, in, "decided stable a", "decided stable b")
	// "Exactly five have voted" is refuted, and Elements().Count(), which could tell, is no threshold: see testdata/illegal.
	exactly := crdt.AssertUpSet("exactly five", func(s *crdt.GSet[string]) bool { return s.Len() == enough })
	samples := []crdt.GSet[string]{crdt.GSetOf("1", "2", "3", "4", "5"), crdt.GSetOf("6")}
	if err := crdttest.UpwardClosed(exactly, samples); err == nil {
		t.Error("an exact count is not refuted")
	}
	crdttest.CheckUpSet(t, crdt.SizeAtLeast[string](enough), samples)
}

// 12. An ad with a cap (Lasp): that the cap is reached is final, and switches the ad off; but it does not hold those back who have
// not heard of it.
func TestAdWithCap(t *testing.T) {
	t.Parallel()
	const limit = 10
	b := program(func(p *pipeline.Pipeline, shards int) {
		write(p, "off", operators.Threshold(operators.Count("shown", by(lines(p, shards), "ad", 0)), crdt.AtLeast(limit)))
	})
	everywhere(t, b, strings.Fields(strings.Repeat("car pen car ", 6)), "off stable car")
	waits(t, b, 2)

	// Two servers show the ad until they are told to stop, and cannot hear of each other for a while.
	copies, told, shown := [2]crdt.GCounter{}, crdt.AtLeast(limit), 0
	for i := range copies {
		for !told.Holds(&copies[i]) {
			copies[i].Add(fmt.Sprint("server", i), 1)
			shown++
		}
	}
	if shown <= limit {
		t.Errorf("the ad was shown %d times: the threshold would be a cap", shown)
	}

	// A cap is an escrow: each server has rights, which it can use or hand over, and no more than its rights.
	rng := rand.New(rand.NewPCG(12, 12))
	for range 200 {
		var servers [3]crdt.BoundedCounter
		rights, err := servers[0].Add("server0", limit)
		if err != nil {
			t.Fatal(err)
		}
		shown, refusals := 0, 0
		for range 60 {
			i, j := rng.IntN(3), rng.IntN(3)
			switch me, other := fmt.Sprint("server", i), fmt.Sprint("server", j); rng.IntN(3) {
			case 0:
				servers[i].Merge(&servers[j]) // when the network allows
			case 1:
				_, _ = servers[i].Transfer(me, other, 1+rng.Uint64N(3)) // what it has no right to give it does not give
			default:
				if _, err := servers[i].Subtract(me, 1); err == nil {
					shown++
				} else {
					refusals++
				}
			}
		}
		if shown > limit || refusals == 0 {
			t.Fatalf("shown %d times, with a cap of %d; %d refusals", shown, limit, refusals)
		}
		whole := rights
		for i := range servers {
			whole.Merge(&servers[i])
		}
		if whole.Used() != uint64(shown) || whole.Value() != uint64(limit-shown) {
			t.Fatalf("used %d and left %d of %d, shown %d", whole.Used(), whole.Value(), limit, shown)
		}
	}
}
