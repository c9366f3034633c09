package crdt_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

// The scenarios of the literature that belong to the query model, each under every schedule that rapid can think of: deltas
// arrive in any order, any number of times, at several copies.

// schedule gives the deltas to copies of a state, each to each copy at least once, and calls after each arrival.
func schedule[L any, P crdt.Lattice[L]](t *rapid.T, deltas []L, copies int, arrived func(copy int, state *L, all bool)) {
	t.Helper()
	for c := range copies {
		var state L
		missing := len(deltas)
		seen := make([]bool, len(deltas))
		order := rapid.Permutation(slices.Repeat(indexes(len(deltas)), 2)).Draw(t, "order")
		for _, i := range order {
			if !seen[i] {
				seen[i] = true
				missing--
			}
			P(&state).Merge(&deltas[i])
			arrived(c, &state, missing == 0)
		}
	}
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

var (
	putIn    = crdt.AddedElements[string]()
	takenOut = crdt.RemovedElements[string]()
)

func TestPotatoAndFerrari(t *testing.T) {
	t.Parallel()
	var shopper crdt.TwoPhaseSet[string]
	potato, ferrari, remove := shopper.Add("potato"), shopper.Add("Ferrari"), shopper.Remove("Ferrari")
	content := putIn.Minus(takenOut)

	// Read too early it is wrong, and says so.
	var early crdt.TwoPhaseSet[string]
	early.Merge(&potato)
	early.Merge(&ferrari)
	if got := crdt.Stale("checkout", content, &early); got.String() != "[Ferrari potato] (provisional: stale: checkout)" {
		t.Errorf("before the removal a copy says %s", got)
	}

	// Read after the seal it is right, at every copy and under every schedule. The shopper counted what it sent. A removal says that
	// there was an addition, so that nothing is missing once it and the potato are there.
	manifest := crdt.ChangesAtLeast[string](3)
	rapid.Check(t, func(t *rapid.T) {
		deltas := []crdt.TwoPhaseSet[string]{potato, ferrari, remove}
		schedule(t, deltas, 3, func(_ int, state *crdt.TwoPhaseSet[string], _ bool) {
			all := state.WasAdded("potato") && state.WasRemoved("Ferrari")
			s, ok := crdt.SealWhen(state, manifest)
			if ok != all {
				t.Fatalf("sealed %v, and all has arrived: %v", ok, all)
			}
			if got, known := content.Ask(s).Value(); known != all || all && !slices.Equal(got, []string{"potato"}) {
				t.Fatalf("a copy ships %v, known %v", got, known)
			}
		})
	})
}

// basket is the cart of Bloom^L: actions and one checkout by number. The checkout says from which number on the cart reaches, and
// so is its manifest: complete once each number from there to its own is known.
type basket struct {
	entries crdt.Map[int, crdt.GSet[string], *crdt.GSet[string]]
}

func (b *basket) Merge(other *basket) bool               { return b.entries.Merge(&other.entries) }
func (b *basket) AppendBinary(to []byte) ([]byte, error) { return b.entries.AppendBinary(to) }
func (b *basket) UnmarshalBinary(data []byte) error      { return b.entries.UnmarshalBinary(data) }
func basketOf(number int, entry string, n ...any) basket {
	return basket{crdt.MapOf[int, crdt.GSet[string]](number, crdt.GSetOf(fmt.Sprintf(entry, n...)))}
}
func checkout(number, from int) basket      { return basketOf(number, "checkout %d", from) }
func action(number, item, count int) basket { return basketOf(number, "action %d %d", item, count) }

// bounds returns the range of the cart; none if there is no checkout, and broken if a rule was broken: two checkouts, a number with two
// entries, or one outside the range.
func (b *basket) bounds() (from, to int, checkedOut, broken bool) {
	for number, entries := range b.entries.All() {
		broken = broken || entries.Len() > 1
		for e := range entries.All() {
			var lower int
			if _, err := fmt.Sscanf(e, "checkout %d", &lower); err == nil {
				broken = broken || checkedOut
				from, to, checkedOut = lower, number, true
			}
		}
	}
	for number := range b.entries.Keys() {
		broken = broken || checkedOut && (number < from || number > to)
	}
	return from, to, checkedOut, broken
}

func (b *basket) Conflict() bool {
	_, _, _, broken := b.bounds()
	return broken
}

// Settled: a complete cart has each number of its range, and every other one is a conflict.
func (b *basket) Settled() bool {
	from, to, checkedOut, broken := b.bounds()
	return broken || checkedOut && b.entries.Len() == to-from+1
}

var summary = crdt.ExactRead("summary", func(b *basket) string {
	items := map[int]int{}
	for _, entries := range b.entries.All() {
		for e := range entries.All() {
			var item, n int
			if _, err := fmt.Sscanf(e, "action %d %d", &item, &n); err == nil {
				items[item] += n
			}
		}
	}
	maps.DeleteFunc(items, func(_, n int) bool { return n <= 0 })
	return fmt.Sprint(items) // in the order of the keys
})

func TestCartWithManifest(t *testing.T) {
	t.Parallel()
	// The data of the tests of bud.
	deltas := []basket{action(100, 5, 1), action(101, 10, 4), checkout(103, 99), action(99, 3, -1), action(102, 10, -1)}
	crdttest.CheckLaws(t, append(deltas, checkout(102, 99)))
	rapid.Check(t, func(t *rapid.T) {
		schedule(t, deltas, 3, func(_ int, state *basket, all bool) {
			s, ok := crdt.SealSettled(state)
			if ok != all {
				t.Fatalf("sealed %v, and all has arrived: %v", ok, all)
			}
			if ok && summary.Ask(s).String() != "map[5:1 10:3] (final: settled)" {
				t.Fatalf("the summary is %s", summary.Ask(s))
			}
		})
	})
}

// What breaks the rules of a cart is found: before the seal as a conflict, which is never sealed, and after it as late.
func TestCartsThatBreakTheirRules(t *testing.T) {
	t.Parallel()
	complete := []basket{action(200, 1, 1), action(201, 2, 5), checkout(203, 200), action(202, 2, -2)}
	for name, wrong := range map[string]basket{
		"a second checkout": checkout(202, 200), "after the checkout": action(204, 8, 2), "before the range": action(199, 8, 2),
		"another entry": action(201, 2, 6),
	} {
		rapid.Check(t, func(t *rapid.T) {
			schedule(t, append(slices.Clone(complete), wrong), 1, func(_ int, state *basket, all bool) {
				if _, ok := crdt.SealSettled(state); ok && all || all && !state.Conflict() {
					t.Fatalf("%s: sealed %v, conflict %v", name, ok, state.Conflict())
				}
			})
		})
		var state basket
		for i := range complete {
			state.Merge(&complete[i])
			state.Merge(&complete[i]) // again: no second checkout
		}
		s, ok := crdt.SealSettled(&state)
		if got := summary.Ask(s).String(); !ok || got != "map[1:1 2:3] (final: settled)" {
			t.Fatalf("sealed %v, summary %s", ok, got)
		}
		state.Merge(&wrong)
		if err := s.Check(&state); !errors.Is(err, crdt.ErrLate) {
			t.Errorf("%s after the seal: error %v", name, err)
		}
	}
}

// A threshold is true or unknown, is never taken back, and is true at a copy only if it is of all that was ever sent.
func TestThresholdsAreNeverTakenBack(t *testing.T) {
	t.Parallel()
	suspicious := putIn.Select("gift cards", func(s string) bool { return s[0] == 'g' }).CountAtLeast(3)
	busy := crdt.ComposeUpSet(crdt.Plus(putIn.Size(), takenOut.Size()), crdt.MaxAtLeast[uint64](5))
	rapid.Check(t, func(t *rapid.T) {
		draw := rapid.Custom(func(t *rapid.T) (delta crdt.TwoPhaseSet[string]) {
			item := rapid.SampledFrom([]string{"g1", "g2", "g3", "g4", "x1", "x2"}).Draw(t, "item")
			delta.Add(item)
			if rapid.IntRange(0, 2).Draw(t, "removed") == 0 {
				delta.Remove(item)
			}
			return delta
		})
		deltas := rapid.SliceOfN(draw, 1, 8).Draw(t, "deltas")
		var whole crdt.TwoPhaseSet[string]
		for i := range deltas {
			whole.Merge(&deltas[i])
		}
		for _, u := range []crdt.UpSet[crdt.TwoPhaseSet[string]]{suspicious, busy, crdt.ChangesAtLeast[string](5)} {
			known := map[int]bool{}
			schedule(t, deltas, 2, func(c int, state *crdt.TwoPhaseSet[string], all bool) {
				a := u.Ask(state)
				_, now := a.Value()
				switch {
				case known[c] && !now:
					t.Fatalf("%s was taken back", u)
				case now && !u.Holds(&whole):
					t.Fatalf("%s at a copy, and not of all", u)
				case all && now != u.Holds(&whole):
					t.Fatalf("%s is %s at a copy that knows all", u, a)
				case now && a.Verdict() != crdt.Stable || !now && a.String() != "unknown":
					t.Fatalf("%s is %s", u, a)
				}
				known[c] = now
			})
		}
	})
}

// Each copy that sees a quorum says so once, whatever came twice; what they say is one logical result.
func TestQuorum(t *testing.T) {
	t.Parallel()
	quorum := crdt.SizeAtLeast[string](5)
	rapid.Check(t, func(t *rapid.T) {
		voters := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g"}), 1, 14).Draw(t, "voters")
		votes := make([]crdt.GSet[string], len(voters))
		for i, v := range voters {
			votes[i] = crdt.GSetOf(v)
		}
		said := map[int]int{}
		known := map[int]bool{}
		schedule(t, votes, 3, func(c int, state *crdt.GSet[string], _ bool) {
			if _, now := quorum.Ask(state).Value(); now && !known[c] {
				known[c] = true
				said[c]++
			}
		})
		slices.Sort(voters)
		reached := len(slices.Compact(voters)) >= 5
		for c := range 3 {
			if want := map[bool]int{true: 1}[reached]; said[c] != want {
				t.Fatalf("copy %d said it %d times, and the quorum was reached: %v", c, said[c], reached)
			}
		}
	})
}

// A cap on an ad (Lasp): the threshold at which it is switched off is stable, but it is no cap, since copies that do not hear
// of each other go on. That is the business of a counter with an escrow.
func TestThresholdIsNoCap(t *testing.T) {
	t.Parallel()
	limit := crdt.AtLeast(50_000)
	copies := make([]crdt.GCounter, 3)
	shown := 0
	for i := range copies { // a partition: each counts for itself
		for step := 0; ; step++ {
			if _, off := limit.Ask(&copies[i]).Value(); off {
				break
			}
			copies[i].Add(fmt.Sprintf("shard-%d", i), 1000)
			shown += 1000
		}
	}
	if shown <= 50_000 {
		t.Errorf("%d were shown under the partition; the threshold would be a cap", shown)
	}
	var whole crdt.GCounter
	for i := range copies {
		whole.Merge(&copies[i])
		copies[0].Merge(&copies[i])
		if a := limit.Ask(&copies[0]); a.String() != "true (stable)" {
			t.Errorf("after the partition the limit is %s", a)
		}
	}
	if whole.Value() != uint64(shown) {
		t.Errorf("counted %d, shown %d", whole.Value(), shown)
	}
}
