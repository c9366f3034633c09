package crdt_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

func TestMap(t *testing.T) {
	t.Parallel()
	check(t, suite[scores]{
		samples: []scores{
			scoresOf(map[string]int64{"a": 1}), scoresOf(map[string]int64{"a": 2, "b": -1}), scoresOf(map[string]int64{"": 7}),
			scoresOf(map[string]int64{"b": 5, "c": 1}), scoresOf(map[string]int64{"a": 1, "b": -1, "c": 1}),
		},
		random: func(r *rand.Rand) (m scores) {
			for range r.IntN(6) {
				m.Update(strconv.Itoa(r.IntN(5)), crdt.MaxOf(r.Int64N(4)))
			}
			return m
		},
		updates: []func(*scores) scores{
			func(m *scores) scores { return raised(m, "a", 2) },
			func(m *scores) scores { return raised(m, "c", 3) },
		},
		upSets: []crdt.UpSet[scores]{crdt.At[string, crdt.Max[int64], *crdt.Max[int64]]("a", crdt.MaxAtLeast[int64](2))},
		golden: "map_string_max_int64",
		goldens: map[string]scores{
			"bottom": {}, "two": scoresOf(map[string]int64{"b": -2, "a": 1}),
			"long value": scoresOf(map[string]int64{"": math.MinInt64}),
		},
		json: map[string]string{"bottom": "{}", "two": `{"a":1,"b":-2}`},
	})
}

// raised updates a value and returns the delta of the map.
func raised(m *scores, k string, v int64) (delta scores) {
	if m.Update(k, crdt.MaxOf(v)) {
		delta = crdt.MapOf(k, crdt.MaxOf(v))
	}
	return delta
}

// whole is a lattice that does not say how it comes apart.
type whole struct{ crdt.GSet[uint8] }

func (w *whole) Merge(other *whole) bool { return w.GSet.Merge(&other.GSet) }

func wholeOf(xs ...uint8) whole { return whole{crdt.GSetOf(xs...)} }

// The values of a map come apart, if they can, to any depth.
func TestMapDeltas(t *testing.T) {
	t.Parallel()
	count := func(pairs ...any) counts { return crdt.MapOf(int32(-1), counter(pairs...)) }
	var both counts
	both.Update(-1, counter("b", 1))
	both.Update(300, counter("a", 1, "b", 2, "c", 3))
	crdttest.CheckDeltas(t, []counts{count("a", 1), count("a", 2), count("a", 1, "b", 3, "c", 1), both})
	crdttest.CheckDeltas(t, []members{
		crdt.MapOf("a", crdt.GSetOf[uint16](1)), crdt.MapOf("a", crdt.GSetOf[uint16](1, 2, 3)), crdt.MapOf("b", crdt.GSetOf[uint16](1)),
	})
	crdttest.CheckDeltas(t, []nested{
		crdt.MapOf("x", scoresOf(map[string]int64{"a": 1})), crdt.MapOf("x", scoresOf(map[string]int64{"a": 2, "b": 1})),
		crdt.MapOf("y", scoresOf(map[string]int64{"a": 1, "b": 5})),
	})
	crdttest.CheckDeltas(t, []crdt.Map[int, whole, *whole]{
		crdt.MapOf(1, wholeOf(1)), crdt.MapOf(1, wholeOf(1, 2)), crdt.MapOf(1, wholeOf(2, 3)), crdt.MapOf(2, wholeOf(1)),
	})
	some, more := crdt.MapOf(1, wholeOf(1)), crdt.MapOf(1, wholeOf(1, 2))
	if delta := more.Delta(&some); encode(t, &delta) != encode(t, &more) {
		t.Errorf("the delta of a value that does not come apart is not the whole value")
	}
	if delta := some.Delta(&more); delta.Len() != 0 {
		t.Errorf("the delta has a value that is below the other")
	}
}

func TestMapJSON(t *testing.T) {
	t.Parallel()
	var m crdt.Map[int8, crdt.GSet[string], *crdt.GSet[string]]
	m.Update(10, crdt.GSetOf("<b>", "a"))
	m.Update(9, crdt.GSetOf("c"))
	m.Update(-1, crdt.GSetOf(""))
	if got, err := m.MarshalJSON(); err != nil || string(got) != `{"-1":[""],"9":["c"],"10":["\u003cb\u003e","a"]}` {
		t.Errorf("got %s, %v", got, err)
	}
	quoted := scoresOf(map[string]int64{`"`: 1})
	if got, err := quoted.MarshalJSON(); err != nil || string(got) != `{"\"":1}` {
		t.Errorf("got %s, %v", got, err)
	}
	silent := crdt.MapOf("k", unspeakable{Max: crdt.MaxOf(1)})
	if got, err := silent.MarshalJSON(); err == nil {
		t.Errorf("got %s, want the error of the value", got)
	}
}

// unspeakable is a lattice that has no JSON.
type unspeakable struct{ crdt.Max[int] }

func (u *unspeakable) Merge(other *unspeakable) bool { return u.Max.Merge(&other.Max) }

func (u *unspeakable) MarshalJSON() ([]byte, error) { return nil, errMute }

func TestMapHistory(t *testing.T) {
	t.Parallel()
	type score struct {
		k string
		v int64
	}
	checkHistory(t, history[scores, score, map[string]int64]{
		op: rapid.Custom(func(t *rapid.T) score {
			return score{rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "key"), rapid.Int64Range(-2, 2).Draw(t, "value")}
		}),
		apply: func(m *scores, _ string, op score) scores { return raised(m, op.k, op.v) },
		read: func(m *scores) map[string]int64 {
			all := map[string]int64{}
			for k, v := range m.All() {
				all[k], _ = v.Value()
			}
			return all
		},
		reference: func(known []*event[score]) map[string]int64 {
			all := map[string]int64{}
			for _, e := range known {
				if v, ok := all[e.op.k]; !ok || e.op.v > v {
					all[e.op.k] = e.op.v
				}
			}
			return all
		},
	})
}
