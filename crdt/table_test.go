package crdt_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

// keyRange is small enough for keys to come again, and large enough for a tree of three levels.
const keyRange = 12_000

// batch draws up to n keys in one of the orders that the table treats differently. The keys come from a drawn seed,
// because rapid by itself prefers slices too short for a tree.
func batch(t *rapid.T, n int) []uint16 {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	keys := make([]uint16, rapid.IntRange(0, n).Draw(t, "keys"))
	for i := range keys {
		keys[i] = uint16(r.IntN(keyRange))
	}
	switch rapid.SampledFrom([]string{"random", "ascending", "descending"}).Draw(t, "order") {
	case "ascending":
		slices.Sort(keys)
	case "descending":
		slices.Sort(keys)
		slices.Reverse(keys)
	}
	return keys
}

// TestGSetAgainstModel crosses the sizes at which the table becomes a tree, and a higher one.
func TestGSetAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s crdt.GSet[uint16]
		model := map[uint16]bool{}
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			keys := batch(t, rapid.SampledFrom([]int{10, 200, 3000}).Draw(t, "at most"))
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
		if err := s.Shape().Err; err != nil {
			t.Fatal(err)
		}
		want := slices.Sorted(maps.Keys(model))
		if got := slices.Collect(s.All()); s.Len() != len(want) || !slices.Equal(got, want) {
			t.Fatalf("%d elements %v\nwant %v", s.Len(), got, want)
		}
		for k := range uint16(keyRange) {
			if s.Contains(k) != model[k] {
				t.Fatalf("Contains(%d) is %v", k, !model[k])
			}
		}
		var decoded crdt.GSet[uint16]
		if err := decoded.UnmarshalBinary([]byte(encode(t, &s))); err != nil || !slices.Equal(slices.Collect(decoded.All()), want) {
			t.Fatalf("the set does not survive encoding: %v", err)
		}
		copied := crdt.Clone(&s)
		if err := errors.Join(decoded.Shape().Err, copied.Shape().Err); err != nil || encode(t, &copied) != encode(t, &s) {
			t.Fatalf("a copy is not the set: %v", err)
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

// bulky is a value of which few fit into a leaf, so that a tree becomes high with few keys.
type bulky struct {
	crdt.Max[int64]
	_ [14]int64
}

func (b *bulky) Merge(other *bulky) bool { return b.Max.Merge(&other.Max) }

// TestTableStaysBalanced makes trees of four levels, key by key and from two halves, and looks at their shape and at what they cost.
func TestTableStaysBalanced(t *testing.T) {
	t.Parallel()
	const n = 70_000
	random := rand.New(rand.NewPCG(1, 2)).Perm(n)
	for name, key := range map[string]func(i int) int{
		"ascending":  func(i int) int { return i },
		"descending": func(i int) int { return n - i },
		"random":     func(i int) int { return random[i] },
		"two runs":   func(i int) int { return i/2 + i%2*n },
		"inwards":    func(i int) int { return (1 - i%2*2) * (n - i) },
	} {
		var m crdt.Map[int, bulky, *bulky]
		var halves [2]crdt.Map[int, bulky, *bulky]
		for i := range n {
			v := bulky{Max: crdt.MaxOf(int64(i))}
			if !m.Update(key(i), v) || !halves[i%3%2].Update(key(i), v) {
				t.Fatalf("%s: key %d was there", name, key(i))
			}
		}
		if !halves[0].Merge(&halves[1]) || halves[0].Merge(&halves[1]) || m.Merge(&halves[0]) {
			t.Fatalf("%s: a merge does not report what it does", name)
		}
		for how, x := range map[string]*crdt.Map[int, bulky, *bulky]{"one by one": &m, "merged": &halves[0]} {
			shape := x.Shape()
			if shape.Err != nil || shape.Depth != 3 || shape.Slots != n || x.Len() != n {
				t.Errorf("%s, %s: %d keys, %+v", name, how, x.Len(), shape)
			}
			if most := 22 * n / 10; shape.Room > most || name+how == "ascendingone by one" && shape.Room > 11*n/10 {
				t.Errorf("%s, %s: room for %d", name, how, shape.Room)
			}
		}
		for i := range n {
			if v, ok := halves[0].Get(key(i)); !ok || v.Max != crdt.MaxOf(int64(i)) {
				t.Fatalf("%s: the value of key %d is %v", name, key(i), v)
			}
		}
	}
}

// TestMapMergeReportsGrowthAnywhere merges into keys of several leaves.
func TestMapMergeReportsGrowthAnywhere(t *testing.T) {
	t.Parallel()
	var m crdt.Map[int, crdt.Max[int], *crdt.Max[int]]
	for k := range 1000 {
		m.Update(k, crdt.MaxOf(1))
	}
	for _, raised := range []int{-1, 0, 63, 64, 500, 501, 502, 999} {
		var other crdt.Map[int, crdt.Max[int], *crdt.Max[int]]
		for _, k := range []int{0, 63, 64, 500, 501, 502, 999} {
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

// touchy is a value whose copies cannot be copied once they are 250.
type touchy struct {
	crdt.Max[int64]
	copied bool
}

func (x *touchy) Merge(other *touchy) bool {
	if v, _ := other.Value(); v == 250 && other.copied {
		panic("touched")
	}
	x.copied = true
	return x.Max.Merge(&other.Max)
}

// A merge that panics must leave no key without a value behind, which would have no encoding.
func TestMapMergeThatPanics(t *testing.T) {
	t.Parallel()
	for _, have := range []int64{0, 1, 200} {
		var m, other crdt.Map[int64, touchy, *touchy]
		for k := range have {
			m.Update(-k, touchy{Max: crdt.MaxOf(k)})
		}
		for k := range int64(300) {
			other.Update(k, touchy{Max: crdt.MaxOf(k)})
		}
		if !panics(func() { m.Merge(&other) }) {
			t.Fatal("no panic")
		}
		for k, v := range m.All() {
			if _, ok := v.Value(); !ok {
				t.Errorf("with %d keys before, key %d has no value", have, k)
			}
		}
	}
}

func panics(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
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
