package crdt_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

// batch draws up to n keys in one of the orders that the table treats differently. The keys come from a drawn seed,
// because rapid by itself prefers slices too short for the second slice of the table.
func batch(t *rapid.T, n int) []uint16 {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	keys := make([]uint16, rapid.IntRange(0, n).Draw(t, "keys"))
	for i := range keys {
		keys[i] = uint16(r.IntN(2001))
	}
	switch rapid.IntRange(0, 2).Draw(t, "order") {
	case 0:
		slices.Sort(keys)
	case 1:
		slices.Sort(keys)
		slices.Reverse(keys)
	}
	return keys
}

// TestGSetAgainstModel crosses the sizes at which the set begins to keep a second slice and empties it.
func TestGSetAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s crdt.GSet[uint16]
		model := map[uint16]bool{}
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			keys := batch(t, 300)
			if rapid.Bool().Draw(t, "merge") {
				other := crdt.GSetOf(keys...)
				before := len(model)
				for _, k := range keys {
					model[k] = true
				}
				if grew := s.Merge(&other); grew != (len(model) > before) {
					t.Fatalf("Merge returned %v", grew)
				}
				continue
			}
			for _, k := range keys {
				if delta := s.Add(k); (delta.Len() == 0) != model[k] || !model[k] && !delta.Contains(k) {
					t.Fatalf("Add(%d) returned a delta of %d elements", k, delta.Len())
				}
				model[k] = true
			}
		}
		want := slices.Sorted(maps.Keys(model))
		if got := slices.Collect(s.All()); s.Len() != len(want) || !slices.Equal(got, want) {
			t.Fatalf("%d elements %v\nwant %v", s.Len(), got, want)
		}
		for k := range uint16(2001) {
			if s.Contains(k) != model[k] {
				t.Fatalf("Contains(%d) is %v", k, !model[k])
			}
		}
		var decoded crdt.GSet[uint16]
		if err := decoded.UnmarshalBinary([]byte(encode(t, &s))); err != nil || !slices.Equal(slices.Collect(decoded.All()), want) {
			t.Fatalf("the set does not survive encoding: %v", err)
		}
	})
}

func TestMapAgainstModel(t *testing.T) {
	t.Parallel()
	type highs = crdt.Map[uint16, crdt.Max[uint8], *crdt.Max[uint8]]
	rapid.Check(t, func(t *rapid.T) {
		var m highs
		model := map[uint16]uint8{}
		for range rapid.IntRange(1, 5).Draw(t, "batches") {
			v := rapid.Uint8().Draw(t, "value")
			keys, wholesale := batch(t, 300), rapid.Bool().Draw(t, "merge")
			var other highs
			grewAny := false
			for _, k := range keys {
				old, had := model[k]
				grow := !had || v > old
				grewAny = grewAny || grow
				model[k] = max(old, v)
				if wholesale {
					other.Update(k, crdt.MaxOf(v))
				} else if grew := m.Update(k, crdt.MaxOf(v)); grew != grow {
					t.Fatalf("Update(%d, %d) returned %v", k, v, grew)
				}
			}
			if wholesale {
				if grew := m.Merge(&other); grew != grewAny {
					t.Fatalf("Merge returned %v", grew)
				}
			}
		}
		if got := slices.Collect(m.Keys()); m.Len() != len(model) || !slices.Equal(got, slices.Sorted(maps.Keys(model))) {
			t.Fatalf("keys %v", got)
		}
		for k, high := range m.All() {
			got, ok := m.Get(k)
			if v, _ := got.Value(); !ok || v != model[k] || got != high {
				t.Fatalf("Get(%d) is %d, %v; want %d", k, v, ok, model[k])
			}
		}
	})
}

// TestMapMergeReportsGrowthAnywhere merges into keys of both slices of the table.
func TestMapMergeReportsGrowthAnywhere(t *testing.T) {
	t.Parallel()
	var m crdt.Map[int, crdt.Max[int], *crdt.Max[int]]
	for k := 0; k < 1000; k += 2 {
		m.Update(k, crdt.MaxOf(1))
	}
	m.Update(501, crdt.MaxOf(1)) // goes to the second slice
	for _, raised := range []int{-1, 500, 501, 502} {
		var other crdt.Map[int, crdt.Max[int], *crdt.Max[int]]
		for _, k := range []int{500, 501, 502} {
			v, _ := m.Get(k)
			high, _ := v.Value()
			if k == raised {
				high++
			}
			other.Update(k, crdt.MaxOf(high))
		}
		if grew := m.Merge(&other); grew != (raised >= 0) {
			t.Errorf("raising the value of key %d: grew %v", raised, grew)
		}
	}
}

func TestMapDropsBottoms(t *testing.T) {
	t.Parallel()
	var m counts
	if m.Update(1, crdt.GCounter{}) || m.Len() != 0 {
		t.Errorf("a bottom value was stored")
	}
	if only := crdt.MapOf(1, crdt.GCounter{}); only.Len() != 0 {
		t.Errorf("MapOf stored a bottom value")
	}
	if _, ok := m.Get(1); ok {
		t.Errorf("Get found an absent key")
	}
}

// TestNothingAliasesOut changes everything that was handed in or out and looks whether the owner changed.
func TestNothingAliasesOut(t *testing.T) {
	t.Parallel()
	var m members
	in := crdt.GSetOf[uint16](1, 5)
	m.Update("k", in)
	want := encode(t, &m)

	in.Add(3)
	out, _ := m.Get("k")
	out.Add(2)
	for _, v := range m.All() {
		v.Add(4)
	}
	copied := crdt.Clone(&m)
	copied.Update("k", crdt.GSetOf[uint16](0))
	if got := encode(t, &m); got != want {
		t.Errorf("the map changed from %x to %x", want, got)
	}

	c := counter("a", 1, "c", 1)
	want = encode(t, &c)
	twin := crdt.Clone(&c)
	twin.Add("c", 5)
	twin.Add("b", 5)
	if got := encode(t, &c); got != want {
		t.Errorf("the counter changed from %x to %x", want, got)
	}
}

func TestIteratorsStop(t *testing.T) {
	t.Parallel()
	s := crdt.GSetOf(3, 1, 2)
	for x := range s.All() {
		if x != 1 {
			t.Fatalf("the first element is %d", x)
		}
		break
	}
	m := scoresOf(map[string]int64{"b": 1, "a": 2})
	for k := range m.Keys() {
		if k != "a" {
			t.Fatalf("the first key is %q", k)
		}
		break
	}
	for k := range m.All() {
		if k != "a" {
			t.Fatalf("the first entry is %q", k)
		}
		break
	}
}
