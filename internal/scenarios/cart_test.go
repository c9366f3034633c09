package scenarios_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// A shopper puts things into a cart and takes some out again: "session add thing", "session remove thing", "session checkout".

type cart struct {
	crdt.Pair[crdt.TwoPhaseSet[string], *crdt.TwoPhaseSet[string], crdt.Bool, *crdt.Bool]
}

func (c *cart) Merge(other *cart) bool { return c.Pair.Merge(&other.Pair) }

func cartOf(line string) (c cart) {
	switch word(line, 1) {
	case "add":
		c.First().Add(word(line, 2))
	case "remove":
		c.First().Add(word(line, 2)) // a removal says that there was an addition
		c.First().Remove(word(line, 2))
	case "checkout":
		c.Second().Raise()
	}
	return c
}

func (c *cart) content() string {
	return strings.Join(slices.Collect(c.First().All()), " ")
}

func carts(p *pipeline.Pipeline, shards int) operators.Growing[string, cart] {
	return operators.Aggregate("carts", by(lines(p, shards), "session", 0), cartOf)
}

// shipEarly reads a cart as soon as it has been checked out, and claims that what is read does not change.
func shipEarly(thing string) crdt.UpSet[cart] {
	return crdt.AssertUpSet("ships "+thing, func(c *cart) bool {
		return c.Second().Value() && c.First().Contains(thing)
	})
}

// 1. The potato and the Ferrari ("Keep CALM and CRDT On", example 1): what is in a cart, A−R, is read behind a seal.
func TestPotatoAndFerrari(t *testing.T) {
	t.Parallel()
	sealed := program(func(p *pipeline.Pipeline, shards int) {
		writeFinals(p, "ship", operators.Seal(carts(p, shards), operators.EndOfInput()), func(f operators.Final[string, cart]) string {
			return f.Key + ": " + f.Value.content()
		})
	})
	in := []string{"s add potato", "s add Ferrari", "s remove Ferrari", "s checkout", "z add potato", "z checkout"}
	everywhere(t, sealed, in, "ship final s: potato", "ship final z: potato")
	waits(t, sealed, 2, endOfAll)

	early := program(func(p *pipeline.Pipeline, shards int) {
		write(p, "ship", operators.Threshold(carts(p, shards), shipEarly("Ferrari")))
	})
	delayed := [][]string{{"s add potato", "s add Ferrari", "s checkout"}, {"s remove Ferrari"}}
	found(t, early, logs(delayed...))
	for order, right := range map[string][]string{"01": {"ship stable s"}, "10": nil} { // the delayed removal ships the Ferrari
		d := drive(t, early, 2)
		for _, shard := range order {
			push(d, int(shard-'0'), delayed[shard-'0']...)
		}
		same(t, results(d.Results("ship")), right)
	}
	samples := make([]cart, len(in))
	for i, line := range in {
		samples[i] = cartOf(line)
	}
	if err := crdttest.UpwardClosed(shipEarly("Ferrari"), samples); err == nil {
		t.Error("the claim that an early read is final is not refuted")
	}
}

// manifests reads "session position action" and "session length n".
func manifests(p *pipeline.Pipeline, shards int) operators.Growing[string, crdt.SealedSet[string]] {
	return operators.Aggregate("carts", by(lines(p, shards), "session", 0), func(line string) (s crdt.SealedSet[string]) {
		if word(line, 1) == "length" {
			return s.Declare(uint64(number(line, 2)))
		}
		return s.Put(uint64(number(line, 1)), word(line, 2))
	})
}

// summary counts the actions of a complete cart: "+item" and "-item".
func summary(s *crdt.SealedSet[string]) string {
	items := map[string]int{}
	all, _ := s.Content()
	for action := range all {
		items[action[1:]] += map[byte]int{'+': 1, '-': -1}[action[0]]
	}
	maps.DeleteFunc(items, func(_ string, n int) bool { return n <= 0 })
	return fmt.Sprint(items)
}

// 2. The monotone checkout with a manifest (Bloom^L; "Initial Steps Toward a Compiler", §4.2): the shopper numbers the actions and says
// how many there were, so that the cart is complete by what it holds. It waits for nobody else.
func TestCheckoutWithManifest(t *testing.T) {
	t.Parallel()
	sealed := program(func(p *pipeline.Pipeline, shards int) {
		done := operators.SealWhen(manifests(p, shards), crdt.Complete[string]())
		writeFinals(p, "ship", done, func(f operators.Final[string, crdt.SealedSet[string]]) string {
			return f.Key + ": " + summary(&f.Value)
		})
	})
	in := []string{ // what bud's test has: five actions, the checkout twice, in no order
		"s 3 +10", "s length 6", "s 0 -3", "z 0 +1", "s 1 +5", "s 2 +10", "s length 6", "s 5 -10", "s 4 +10", "s 4 +10", "s 2 +10",
	}
	everywhere(t, sealed, in, "ship final s: map[10:2 5:1]") // and z has not checked out
	waits(t, sealed, 2)

	// A shopper who breaks the rules writes to one log, so that it is the same to all: a cart in conflict is one for good and is not
	// shipped, but a dead letter; what comes behind the seal is late.
	for _, line := range []string{"s length 3", "s 7 +8", "s 1 -5"} {
		before := append([]string{line}, "s 0 +1", "s 1 +5", "s length 2")
		out := pipelinetest.Check(t, sealed.with(2), logs(before, nil), pipelinetest.Options{Rounds: 10})
		expect(t, out)
		if reason := strings.Join(slices.Collect(maps.Values(out.Rejected)), "; "); out.Late != 0 || len(out.Rejected) != 1 || !strings.Contains(reason, `key "s" is complete by its own evidence, but it is in conflict`) {
			t.Errorf("%q before the seal: %v", line, out.Rejected)
		}
		after := []string{"s 0 +1", "s 1 +5", "s length 2", line}
		out = pipelinetest.Check(t, sealed.with(2), logs(after, nil), pipelinetest.Options{Rounds: 10})
		expect(t, out, "ship final s: map[1:1 5:1]")
		if out.Late != 1 {
			t.Errorf("%q behind the seal: %d late, %v", line, out.Late, out.Rejected)
		}
	}
}

// destructive is a cart that is read and written at each action: action n acts on the cart that action n−1 left, so that it must be
// known exactly: a seal for each.
func destructive(actions int) program {
	return func(p *pipeline.Pipeline, shards int) {
		all := lines(p, shards) // "session n +item"
		var carts operators.Stream[string]
		for n := range actions {
			step := about(all, 1, fmt.Sprint(n))
			if n > 0 {
				step = operators.Union(step, carts)
			}
			both := operators.Distinct(fmt.Sprint("cart-", n), by(step, "session", 0), func(line string) string { return line })
			carts = operators.Map(operators.Finals(operators.Seal(both, operators.EndOfInput())), func(f operators.Final[string, crdt.GSet[string]]) string {
				items := map[string]bool{}
				for line := range f.Value.All() { // the cart "session cart items…" and the action, in whatever order
					for _, item := range strings.Fields(line)[2:] {
						items[strings.TrimPrefix(item, "+")] = true
					}
				}
				for line := range f.Value.All() {
					if gone, ok := strings.CutPrefix(word(line+" .", 2), "-"); ok {
						delete(items, gone)
						delete(items, "-"+gone)
					}
				}
				return strings.TrimSpace(f.Key + " cart " + sorted(slices.Collect(maps.Keys(items))))
			})
		}
		write(p, "ship", carts)
	}
}

// disorderly is a cart that remembers the actions, and is read once.
func disorderly(p *pipeline.Pipeline, shards int) {
	actions := operators.Distinct("actions", by(lines(p, shards), "session", 0), func(line string) string { return line })
	writeFinals(p, "ship", operators.Seal(actions, operators.EndOfInput()), func(f operators.Final[string, crdt.GSet[string]]) string {
		items := map[string]bool{}
		for line := range f.Value.All() { // in the order of their numbers
			items[word(line, 2)[1:]] = word(line, 2)[0] == '+'
		}
		maps.DeleteFunc(items, func(_ string, there bool) bool { return !there })
		return strings.TrimSpace(f.Key + " cart " + sorted(slices.Collect(maps.Keys(items))))
	})
}

// lastCart is the destructive cart as a register: what is merged last decides.
type lastCart struct{ crdt.Max[string] }

func (c *lastCart) Merge(other *lastCart) bool {
	if _, ok := other.Value(); !ok {
		return false
	}
	*c = *other
	return true
}

// 3. The destructive and the disorderly cart (bud): both are right, and Explain says what each costs.
func TestDestructiveAndDisorderlyCart(t *testing.T) {
	t.Parallel()
	in := []string{"s 2 -pear", "s 0 +apple", "s 3 +plum", "s 1 +pear"}
	right := "ship final s cart apple plum"
	everywhere(t, destructive(4), in, right)
	everywhere(t, disorderly, in, right)
	waits(t, disorderly, 2, endOfAll)
	d, err := destructive(4).with(2)().Document()
	if err != nil || len(d.PointsOfOrder) != 4 {
		t.Errorf("the destructive cart has the points of order %v, %v", d.PointsOfOrder, err)
	}
	budget := func(b program) program {
		return func(p *pipeline.Pipeline, shards int) { p.MaxPointsOfOrder = 1; b(p, shards) }
	}
	if err := budget(disorderly).with(2)().Err(); err != nil {
		t.Error(err)
	}
	refused(t, budget(destructive(4)), 2, "points of order")

	// Without the seals it is a race, as the kit finds, and no lattice.
	race := program(func(p *pipeline.Pipeline, shards int) {
		last := operators.Aggregate("carts", by(lines(p, shards), "session", 0), func(line string) lastCart { return lastCart{crdt.MaxOf(word(line, 2))} })
		writeFinals(p, "ship", operators.Seal(last, operators.EndOfInput()), func(f operators.Final[string, lastCart]) string {
			v, _ := f.Value.Value()
			return v
		})
	})
	found(t, race, deal(2, in))
	if err := crdttest.Laws([]lastCart{{crdt.MaxOf("a")}, {crdt.MaxOf("b")}}); err == nil {
		t.Error("a register of the last arrival passes as a lattice")
	}
}
