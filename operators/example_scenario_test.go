package operators_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/exact"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// These are scenarios of docs/scenarios.md.

func token(line string, i int) string { return strings.Fields(line)[i] }

func tokenNumber(line string, i int) int {
	n, _ := strconv.Atoi(token(line, i))
	return n
}

// The shopper numbers what happens to a cart and says at the checkout how much that was. So a cart is complete by what it
// holds, in whatever order that came and however often: its content is final, and waits for no other shopper and no shard.
func Example_checkoutWithManifest() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		bySession := operators.KeyBy(lines, "session", func(s string) string { return token(s, 0) })
		carts := operators.Aggregate("carts", bySession, func(s string) (cart crdt.SealedSet[string]) {
			if token(s, 1) == "checkout" {
				return cart.Declare(uint64(tokenNumber(s, 2)))
			}
			return cart.Put(uint64(tokenNumber(s, 1)), token(s, 2))
		})
		pipeline.Write(p, "ship", operators.Finals(operators.SealWhen(carts, crdt.Complete[string]())), out,
			func(f operators.Final[string, crdt.SealedSet[string]]) ([]byte, error) {
				cart := map[string]bool{}
				actions, _ := f.Value.Content()
				for a := range actions {
					cart[a[1:]] = a[0] == '+'
				}
				return fmt.Appendf(nil, "%s: Ferrari %v, potato %v", f.Key, cart["Ferrari"], cart["potato"]), nil
			})
	}, "ann 1 +Ferrari", "ann checkout 3", "ann 0 +potato", "bob 0 +Ferrari", "ann 1 +Ferrari", "ann 2 -Ferrari")
	// Output: final ann: Ferrari false, potato true
}

// Who waits for whom is a graph that only grows, and a cycle that is there stays: a deadlock is known at once. The recursion runs
// inside of the question; that its yes is final is claimed, and crdttest.CheckUpSet tries to refute the claim.
func Example_deadlock() {
	deadlocked := crdt.AssertUpSet("a waits for itself", func(waits *crdt.GSet[string]) bool {
		seen := map[string]bool{}
		for next := []string{"a"}; len(next) > 0; next = next[1:] {
			for edge := range waits.All() {
				if from, to, _ := strings.Cut(edge, ">"); from == next[0] && !seen[to] {
					seen[to] = true
					next = append(next, to)
				}
			}
		}
		return seen["a"]
	})
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byDatabase := operators.KeyBy(lines, "database", func(s string) string { return token(s, 0) })
		waits := operators.Distinct("waits", byDatabase, func(s string) string { return token(s, 1) })
		pipeline.Write(p, "deadlock", operators.Threshold(waits, deadlocked), out, pipeline.EncodeText)
	}, "db1 a>b", "db2 a>b", "db1 c>a", "db2 b>c", "db1 b>c")
	// Output: stable db1
}

// Each campaign is sealed by the vote of the servers that serve it: each says how many clicks it had. The slow server of one
// campaign holds back no other.
func Example_campaign() {
	type clicks = crdt.Map[string, crdt.SealedSet[string], *crdt.SealedSet[string]]
	type campaign = crdt.Pair[crdt.Point[string], *crdt.Point[string], clicks, *clicks]
	voted := crdt.AssertUpSet("all servers have voted", func(c *campaign) bool {
		servers, ok := c.First().Value()
		for server := range strings.SplitSeq(servers, ",") {
			own, _ := c.Second().Get(server)
			ok = ok && own.Settled()
		}
		return ok || c.First().Conflict()
	})
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byCampaign := operators.KeyBy(lines, "campaign", func(s string) string { return token(s, 0) })
		state := operators.Aggregate("campaigns", byCampaign, func(s string) (c campaign) {
			var own crdt.SealedSet[string]
			switch {
			case token(s, 1) == "servers":
				c.First().Assign(token(s, 2))
				return c
			case token(s, 2) == "done":
				own.Declare(uint64(tokenNumber(s, 3)))
			default:
				own.Put(uint64(tokenNumber(s, 2)), token(s, 3))
			}
			c.Second().Update(token(s, 1), own)
			return c
		})
		pipeline.Write(p, "clicks", operators.Finals(operators.SealWhen(state, voted)), out, func(f operators.Final[string, campaign]) ([]byte, error) {
			n := 0
			for _, own := range f.Value.Second().All() {
				n += own.Len()
			}
			return fmt.Appendf(nil, "%s: %d clicks", f.Key, n), nil
		})
	},
		"cars servers north,south", "pens servers south,slow",
		"cars north 0 car1", "pens south 0 pen1", "cars south 0 car2", "cars south 1 car1",
		"pens south done 1", "cars north done 1", "pens slow 0 pen1", "cars south done 2")
	// Output: final cars: 3 clicks
}

// The legs of a transfer are in different shards. A balance is never final; but at a recorded cut all shards agree on one moment,
// and there the sum over all accounts is 0.
func Example_balancesAtACut() {
	cut := map[string][]string{"Calm-Seal": {"cut"}, "Calm-Cut": {"1"}}
	shard := func(number int, lines ...string) pipelinetest.Log {
		l := pipelinetest.Log{Read: "legs", Shard: number}
		for _, line := range lines {
			l.Messages, l.Headers = append(l.Messages, []byte(line)), append(l.Headers, nil)
		}
		l.Messages, l.Headers = append(l.Messages, nil), append(l.Headers, cut)
		return l
	}
	build := func() *pipeline.Pipeline {
		p := pipeline.New("bank")
		legs := pipeline.Read(p, "legs", pipeline.Source[string]{Stream: "LEGS", Subjects: []string{"legs.0", "legs.1"}, Decode: pipeline.Text, Cuts: true})
		byBank := operators.KeyBy(legs, "bank", func(s string) string { return token(s, 0) })
		sums := operators.SumSigned("sums", operators.Window(byBank, operators.UpToCut()), func(s string) int64 { return int64(tokenNumber(s, 2)) })
		pipeline.Write(p, "out", operators.Finals(operators.Seal(sums, operators.RecordedCut())), out, func(f operators.Final[string, exact.Sum]) ([]byte, error) {
			sum, _ := f.Value.Int64()
			return fmt.Appendf(nil, "%s: %s %d", f.Window, f.Key, sum), nil
		})
		return p
	}
	got, err := pipelinetest.Run(build, []pipelinetest.Log{
		shard(0, "north ann -5", "north bob -7", "south eve 3"), shard(1, "north bob 5", "south ann -3", "north eve 7"),
	}, pipelinetest.Options{Rounds: 10})
	if err != nil {
		fmt.Println(err)
	}
	for _, r := range got.Results {
		fmt.Println(r.Verdict, r.Payload)
	}
	// Output:
	// final cut 1: north 0
	// final cut 1: south 0
}

// A question whose yes can be taken back, asked as if it could not: the checkers find the schedule in which the Ferrari is
// shipped though it was taken out of the cart.
func Example_readTooEarly() {
	early := crdt.AssertUpSet("a Ferrari is in the cart", func(cart *crdt.TwoPhaseSet[string]) bool { return cart.Contains("Ferrari") })
	_, err := pipelinetest.Run(func() *pipeline.Pipeline {
		p := pipeline.New("carts")
		lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "LINES", Subjects: []string{"lines.0", "lines.1"}, Decode: pipeline.Text})
		bySession := operators.KeyBy(lines, "session", func(s string) string { return token(s, 0) })
		carts := operators.Aggregate("carts", bySession, func(s string) (cart crdt.TwoPhaseSet[string]) {
			cart.Add(token(s, 2))
			if token(s, 1) == "remove" {
				cart.Remove(token(s, 2))
			}
			return cart
		})
		pipeline.Write(p, "ship", operators.Threshold(carts, early), out, pipeline.EncodeText)
		return p
	}, []pipelinetest.Log{
		{Read: "lines", Shard: 0, Messages: [][]byte{[]byte("ann add Ferrari")}},
		{Read: "lines", Shard: 1, Messages: [][]byte{[]byte("ann remove Ferrari")}},
	}, pipelinetest.Options{Seed: 1})
	found := strings.Split(fmt.Sprint(err), "\n")
	fmt.Println(slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, "the results differ from those of a plain run") }))
	// Output: true
}
