package crdt_test

import (
	"math"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

func holds[L any](t *testing.T, u crdt.UpSet[L], state L, want bool) {
	t.Helper()
	if got := u.Holds(&state); got != want {
		t.Errorf("%q holds: %v, want %v", u, got, want)
	}
}

func TestUpSetBoundaries(t *testing.T) {
	t.Parallel()
	holds(t, crdt.AtLeast(3), counter("a", 1, "b", 1), false)
	holds(t, crdt.AtLeast(3), counter("a", 1, "b", 2), true)
	holds(t, crdt.AtLeast(0), crdt.GCounter{}, true)

	holds(t, crdt.MaxAtLeast(0), crdt.Max[int]{}, false) // no value yet is not 0
	holds(t, crdt.MaxAtLeast(0), crdt.MaxOf(0), true)
	holds(t, crdt.MaxAtLeast(1), crdt.MaxOf(0), false)
	holds(t, crdt.MinAtMost(0), crdt.Min[int]{}, false)
	holds(t, crdt.MinAtMost(0), crdt.MinOf(0), true)
	holds(t, crdt.MinAtMost(0), crdt.MinOf(1), false)

	holds(t, crdt.Contains("x"), crdt.GSetOf("y"), false)
	holds(t, crdt.Contains("x"), crdt.GSetOf("x", "y"), true)
	holds(t, crdt.SizeAtLeast[string](2), crdt.GSetOf("y", "y"), false)
	holds(t, crdt.SizeAtLeast[string](2), crdt.GSetOf("x", "y"), true)

	high := crdt.At[string, crdt.Max[int64], *crdt.Max[int64]]("a", crdt.MaxAtLeast[int64](3))
	holds(t, high, scores{}, false)
	holds(t, high, scoresOf(map[string]int64{"a": 2, "b": 3}), false)
	holds(t, high, scoresOf(map[string]int64{"a": 3}), true)
	holds(t, crdt.At[int32, crdt.GCounter, *crdt.GCounter](1, crdt.AtLeast(0)), counts{}, true)
}

// Exactly at its bound a question turns, and by nothing but what it asks about.
func TestUpSetBoundariesOfCountersAndSets(t *testing.T) {
	t.Parallel()
	counts := changed(change{"a", 2}, change{"b", 3}, change{"a", -4})
	holds(t, crdt.AddedAtLeast(5), counts, true)
	holds(t, crdt.AddedAtLeast(6), counts, false)
	holds(t, crdt.SubtractedAtLeast(4), counts, true)
	holds(t, crdt.SubtractedAtLeast(5), counts, false)
	rights := dealt(add("a", 9), transfer("a", "b", 3), subtract("b", 2))
	holds(t, crdt.UsedAtLeast(2), rights, true)
	holds(t, crdt.UsedAtLeast(3), rights, false) // of 9 there are 7 left

	set := twoPhase([]int{1, 2}, 3)
	holds(t, crdt.EverAdded(1), set, true)
	holds(t, crdt.EverAdded(3), set, true)
	holds(t, crdt.EverAdded(4), set, false)
	holds(t, crdt.EverRemoved(1), set, false)
	holds(t, crdt.EverRemoved(3), set, true)
	holds(t, crdt.ChangesAtLeast[int](4), set, true)
	holds(t, crdt.ChangesAtLeast[int](5), set, false)

	var ledger crdt.Ledger[string]
	ledger.Record("x", 0)
	holds(t, crdt.Recorded("x"), ledger, true)
	holds(t, crdt.Recorded("y"), ledger, false)
	var tally crdt.Tally
	tally.Record("a", 3, 100)
	holds(t, crdt.Counted("a", 3), tally, true)
	holds(t, crdt.Counted("a", 4), tally, false)
	holds(t, crdt.Counted("b", 1), tally, false)

	var log crdt.OpLog[string]
	log.Append("a", "x")
	log.Append("b", "y")
	holds(t, crdt.Logged[string](crdt.DotOf("b", 1)), log, true)
	holds(t, crdt.Logged[string](crdt.DotOf("b", 2)), log, false)
	holds(t, crdt.OpsAtLeast[string](2), log, true)
	holds(t, crdt.OpsAtLeast[string](3), log, false)

	type keyed = crdt.Lex[int, crdt.GSet[int], *crdt.GSet[int]]
	at5 := crdt.LexOf(5, crdt.GSetOf(1))
	keyAtLeast := crdt.KeyAtLeast[int, crdt.GSet[int], *crdt.GSet[int]]
	reached := crdt.Reached[int, crdt.GSet[int], *crdt.GSet[int]]
	holds(t, keyAtLeast(5), at5, true)
	holds(t, keyAtLeast(6), at5, false)
	holds(t, keyAtLeast(math.MinInt), keyed{}, false) // no key yet is not the smallest
	holds(t, reached(5, crdt.Contains(1)), at5, true)
	holds(t, reached(5, crdt.Contains(2)), at5, false)
	holds(t, reached(4, crdt.Contains(2)), at5, true) // overtaken
	holds(t, reached(6, crdt.Contains(1)), at5, false)
}

func TestUpSetAlgebra(t *testing.T) {
	t.Parallel()
	one, two := crdt.Contains(1), crdt.Contains(2)
	just1, both := crdt.GSetOf(1), crdt.GSetOf(1, 2)
	holds(t, crdt.All(one, two), just1, false)
	holds(t, crdt.All(one, two), both, true)
	holds(t, crdt.Any(one, two), just1, true)
	holds(t, crdt.Any(one, two), crdt.GSetOf(3), false)
	holds(t, crdt.All[crdt.GSet[int]](), crdt.GSet[int]{}, true)
	holds(t, crdt.Any[crdt.GSet[int]](), both, false)
	holds(t, crdt.UpSet[crdt.GSet[int]]{}, both, false)
	holds(t, crdt.All(one, crdt.UpSet[crdt.GSet[int]]{}), both, false)
	holds(t, crdt.AssertUpSet[crdt.GSet[int]]("nil", nil), both, false)
	holds(t, crdt.AssertUpSet("odd one", func(s *crdt.GSet[int]) bool { return s.Contains(1) }), just1, true)

	// The caller's slice is not the set's.
	sets := []crdt.UpSet[crdt.GSet[int]]{one, one}
	all, any := crdt.All(sets...), crdt.Any(sets...)
	sets[0], sets[1] = two, two
	holds(t, all, just1, true)
	holds(t, any, just1, true)
}

func TestUpSetNames(t *testing.T) {
	t.Parallel()
	at := crdt.At[string, crdt.Max[int64], *crdt.Max[int64]]("a", crdt.MaxAtLeast[int64](-3))
	for want, u := range map[string]interface{ String() string }{
		"count >= 100":                  crdt.AtLeast(100),
		"max >= -40":                    crdt.MaxAtLeast(celsius(-40)),
		`max >= "x"`:                    crdt.MaxAtLeast("x"),
		"min <= 7":                      crdt.MinAtMost(uint8(7)),
		`contains "a\"b"`:               crdt.Contains(`a"b`),
		"size >= 3":                     crdt.SizeAtLeast[string](3),
		`at "a" (max >= -3)`:            at,
		"(count >= 1) and (count >= 2)": crdt.All(crdt.AtLeast(1), crdt.AtLeast(2)),
		"(count >= 1) or (never)":       crdt.Any(crdt.AtLeast(1), crdt.UpSet[crdt.GCounter]{}),
		"always":                        crdt.All[crdt.GCounter](),
		"never":                         crdt.Any[crdt.GCounter](),
		`asserted "big"`:                crdt.AssertUpSet("big", func(*crdt.GCounter) bool { return true }),
	} {
		if got := u.String(); got != want {
			t.Errorf("name %q, want %q", got, want)
		}
	}
}

// String must not be asked: two elements with one String would share a name.
func (celsius) String() string { return "warm" }

func TestVerdictsHaveNames(t *testing.T) {
	t.Parallel()
	names := map[crdt.Verdict]string{
		crdt.Provisional: "provisional", crdt.LowerBound: "lower-bound", crdt.Stable: "stable", crdt.Final: "final", 99: "provisional",
	}
	for v, want := range names {
		if v.String() != want {
			t.Errorf("verdict %d is %q, want %q", v, v, want)
		}
	}
}
