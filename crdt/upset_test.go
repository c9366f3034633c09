package crdt_test

import (
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
