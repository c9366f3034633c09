package crdt_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

// advance is an operation of a Frontier.
type advance struct {
	shard string
	t     int64
}

func frontierOf(all ...advance) (f crdt.Frontier) {
	for _, a := range all {
		f.Advance(a.shard, a.t)
	}
	return f
}

func frontierSamples() []crdt.Frontier {
	return []crdt.Frontier{
		frontierOf(advance{"a", 1}), frontierOf(advance{"a", 2}), frontierOf(advance{"b", 1}), frontierOf(advance{"a", 0}, advance{"b", 0}),
		frontierOf(advance{"a", -1}, advance{"b", 5}), frontierOf(advance{"a", 2}, advance{"b", 5}),
		frontierOf(advance{"", math.MinInt64}), frontierOf(advance{"c", math.MaxInt64}, advance{"a", 1}),
	}
}

func TestFrontier(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.Frontier]{
		samples: frontierSamples(),
		random: func(r *rand.Rand) (f crdt.Frontier) {
			for range r.IntN(6) {
				f.Advance(string(rune('a'+r.IntN(4))), int64(r.IntN(5)-2))
			}
			return f
		},
		updates: []func(*crdt.Frontier) crdt.Frontier{
			func(f *crdt.Frontier) crdt.Frontier { return f.Advance("a", 1) },
			func(f *crdt.Frontier) crdt.Frontier { return f.Advance("d", math.MinInt64) },
		},
		golden: "frontier",
		goldens: map[string]crdt.Frontier{
			"bottom": {}, "one": frontierOf(advance{"shard-7", 300}), "epoch": frontierOf(advance{"", 0}),
			"bounds": frontierOf(advance{"b", math.MaxInt64}, advance{"a", math.MinInt64}),
		},
		json: map[string]string{"bottom": "{}", "bounds": `{"a":-9223372036854775808,"b":9223372036854775807}`},
	})
}

func TestFrontierHistory(t *testing.T) {
	t.Parallel()
	registry := crdt.NewRegistry("x", "y", "z")
	type shown struct {
		times   map[string]int64
		reached crdt.Max[int64]
		passed  [5]bool
	}
	checkHistory(t, history[crdt.Frontier, advance, shown]{
		op: rapid.Custom(func(t *rapid.T) advance {
			return advance{rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "shard"), rapid.Int64Range(-2, 2).Draw(t, "t")}
		}),
		apply: func(f *crdt.Frontier, _ string, op advance) crdt.Frontier { return f.Advance(op.shard, op.t) },
		read: func(f *crdt.Frontier) shown {
			s := shown{times: map[string]int64{}, reached: f.ReachedBy(registry)}
			for shard := range registry.All() {
				if at, ok := f.At(shard); ok {
					s.times[shard] = at
				}
			}
			for i := range s.passed {
				s.passed[i] = crdt.Passed(registry, int64(i-2)).Holds(f)
			}
			return s
		},
		reference: func(known []*event[advance]) shown {
			s := shown{times: map[string]int64{}}
			for _, e := range known {
				if at, ok := s.times[e.op.shard]; !ok || e.op.t > at {
					s.times[e.op.shard] = e.op.t
				}
			}
			if len(s.times) == 3 {
				least := min(s.times["x"], s.times["y"], s.times["z"])
				s.reached = crdt.MaxOf(least)
				for i := range s.passed {
					s.passed[i] = least >= int64(i-2)
				}
			}
			return s
		},
	})
}

func TestFrontierPassedIsUpwardClosed(t *testing.T) {
	t.Parallel()
	for _, at := range []int64{math.MinInt64, -1, 0, 1, 2} {
		crdttest.CheckUpSet(t, crdt.Passed(crdt.NewRegistry("a", "b"), at), frontierSamples())
		crdttest.CheckUpSet(t, crdt.Passed(crdt.NewRegistry("a"), at), frontierSamples())
	}
	both := crdt.NewRegistry("a", "b")
	crdttest.CheckMonotone(t, func(f *crdt.Frontier) crdt.Max[int64] { return f.ReachedBy(both) }, frontierSamples())
}

// The minimum over the shards that were heard of so far is the watermark that everybody writes first. A shard that is heard of
// later takes its yes back.
func TestFrontierMinimumOverShardsSeenIsNotMonotone(t *testing.T) {
	t.Parallel()
	naive := crdt.AssertUpSet("every shard seen so far passed 1", func(f *crdt.Frontier) bool {
		seen := slices.Collect(f.Decompose())
		for _, shard := range seen {
			if !crdt.Any(crdt.Passed(crdt.NewRegistry("a"), 1), crdt.Passed(crdt.NewRegistry("b"), 1)).Holds(&shard) {
				return false
			}
		}
		return len(seen) > 0
	})
	ahead, behind := frontierOf(advance{"a", 1}), frontierOf(advance{"b", 0})
	err := crdttest.UpwardClosed(naive, []crdt.Frontier{ahead, behind})
	if v, ok := errors.AsType[*crdttest.Violation](err); !ok || v.Law != crdttest.LawUpwardClosed {
		t.Fatalf("the naive watermark was not refuted: %v", err)
	}
	if !naive.Holds(&ahead) {
		t.Error("the naive watermark says no before it has heard of b")
	}
	both := crdt.Passed(crdt.NewRegistry("a", "b"), 1)
	if both.Holds(&ahead) {
		t.Error("the registry has b, which was not heard of, and passed all the same")
	}
	if ahead.Merge(&behind); naive.Holds(&ahead) || both.Holds(&ahead) {
		t.Error("b is at 0")
	}
	if ahead.Advance("b", 1); !both.Holds(&ahead) {
		t.Error("all have passed")
	}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	names := []string{"b", "a", "b"}
	r := crdt.NewRegistry(names...)
	names[0] = "z" // the registry must not see it
	if got := slices.Collect(r.All()); r.Len() != 2 || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %q", got)
	}
	f := frontierOf(advance{"a", 3}, advance{"b", 3})
	if none := (crdt.Registry{}); crdt.Passed(none, math.MinInt64).Holds(&f) || f.ReachedBy(none) != (crdt.Max[int64]{}) {
		t.Error("a registry without shards proved something")
	}
	for want, u := range map[string]crdt.UpSet[crdt.Frontier]{
		`shards ["a" "b"] passed 3`: crdt.Passed(r, 3),
		`shards ["a b"] passed -1`:  crdt.Passed(crdt.NewRegistry("a b"), -1),
		`shards [] passed 0`:        crdt.Passed(crdt.Registry{}, 0),
	} {
		if u.String() != want {
			t.Errorf("got %s, want %s", u, want)
		}
	}
	many := func(last string) string {
		return crdt.NewRegistry("1", "2", "3", "4", "5", "6", "7", "8", last).String()
	}
	if many("9") == many("10") || len(many("9")) > 50 {
		t.Errorf("the names of many shards are %s and %s", many("9"), many("10"))
	}
}

func TestFrontierRefuses(t *testing.T) {
	t.Parallel()
	f := frontierOf(advance{"x", 1})
	refuse(t, f, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, f, crdt.ErrVersion, "version 2", "02 00")
	refuse(t, f, crdt.ErrCorrupt, "cut off", "01")
	refuse(t, f, crdt.ErrCorrupt, "cut off", "01 01 01 61 80")
	refuse(t, f, crdt.ErrCorrupt, "more items", "01 02 01 61")
	refuse(t, f, crdt.ErrCorrupt, "more bytes", "01 01 7f 61 02")
	refuse(t, f, crdt.ErrCorrupt, "not ascending", "01 02 01 62 02 01 61 02")
	refuse(t, f, crdt.ErrCorrupt, "not ascending", "01 02 01 61 02 01 61 04")
	refuse(t, f, crdt.ErrCorrupt, "not ascending", "01 02 00 02 00 04")
	refuse(t, f, crdt.ErrCorrupt, "shortest form", "01 01 01 61 82 00")
	refuse(t, f, crdt.ErrCorrupt, "left over", "01 00 00")
}

func FuzzFrontier(f *testing.F) {
	fuzz(f, frontierOf(advance{"b", 300}, advance{"a", -1}), frontierOf(advance{"", math.MinInt64}))
}
