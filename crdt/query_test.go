package crdt_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

// groups is the set-valued state of these tests: a set of small numbers for each of a few keys.
type groups = crdt.Map[string, crdt.GSet[int], *crdt.GSet[int]]

func groupsOf(pairs ...any) groups {
	var m groups
	for i := 0; i < len(pairs); i += 2 {
		k, _ := pairs[i].(string)
		x, _ := pairs[i+1].(int)
		m.Update(k, crdt.GSetOf(x))
	}
	return m
}

var (
	drawSet = rapid.Custom(func(t *rapid.T) crdt.GSet[int] {
		return crdt.GSetOf(rapid.SliceOfN(rapid.IntRange(-4, 9), 0, 8).Draw(t, "elements")...)
	})
	drawGroups = rapid.Custom(func(t *rapid.T) (m groups) {
		for _, k := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 4).Draw(t, "keys") {
			m.Update(k, drawSet.Draw(t, "value"))
		}
		return m
	})
	drawCounter = rapid.Custom(func(t *rapid.T) (c crdt.GCounter) {
		for _, o := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 4).Draw(t, "origins") {
			c.Add(o, rapid.Uint64Range(0, 3).Draw(t, "n"))
		}
		return c
	})
)

func merged[L any, P crdt.Lattice[L]](a, b *L) L {
	both := crdt.Clone[L, P](a)
	P(&both).Merge(b)
	return both
}

// pure fails unless f leaves the state alone, gives the same twice, and gives what shares no memory with the state.
func pure[A, B any, PA crdt.Lattice[A], PB crdt.Lattice[B]](t *rapid.T, f func(*A) B, x, y *A) {
	t.Helper()
	before := encode[A, PA](t, x)
	got := f(x)
	again, first := f(x), encode[B, PB](t, &got)
	if second := encode[B, PB](t, &again); first != second {
		t.Fatalf("two results for one state: %x and %x", first, second)
	}
	other := f(y)
	PB(&again).Merge(&other)
	if after := encode[A, PA](t, x); before != after {
		t.Fatalf("the state was %x and is %x after its result was changed", before, after)
	}
	PA(x).Merge(y)
	if after := encode[B, PB](t, &got); first != after {
		t.Fatalf("the result was %x and is %x after the state was changed", first, after)
	}
}

func keepsMerges[A, B any, PA crdt.Lattice[A], PB crdt.Lattice[B]](t *testing.T, f crdt.Morphism[A, B], draw *rapid.Generator[A]) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		x, y := draw.Draw(t, "x"), draw.Draw(t, "y")
		both := merged[A, PA](&x, &y)
		whole, parts, other := f.Apply(&both), f.Apply(&x), f.Apply(&y)
		PB(&parts).Merge(&other)
		if got, want := encode[B, PB](t, &whole), encode[B, PB](t, &parts); got != want {
			t.Fatalf("%s is no morphism: f(x⊔y) = %x, f(x)⊔f(y) = %x", f, got, want)
		}
		pure[A, B, PA, PB](t, f.Apply, &x, &y)
	})
}

func keepsOrder[A, B any, PA crdt.Lattice[A], PB crdt.Lattice[B]](t *testing.T, f crdt.Monotone[A, B], draw *rapid.Generator[A]) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		x, y := draw.Draw(t, "x"), draw.Draw(t, "y")
		both := merged[A, PA](&x, &y)
		low, high := f.Apply(&x), f.Apply(&both)
		if !crdt.Below[B, PB](&low, &high) {
			t.Fatalf("%s is not monotone: f(x) = %x, f(x⊔y) = %x", f, encode[B, PB](t, &low), encode[B, PB](t, &high))
		}
		pure[A, B, PA, PB](t, f.Apply, &x, &y)
	})
}

// isNoMorphism fails unless two states refute f as a morphism: a class must not be weaker than it could be.
func isNoMorphism[A, B any, PA crdt.Lattice[A], PB crdt.Lattice[B]](t *testing.T, f crdt.Monotone[A, B], x, y A) {
	t.Helper()
	both := merged[A, PA](&x, &y)
	whole, parts, other := f.Apply(&both), f.Apply(&x), f.Apply(&y)
	PB(&parts).Merge(&other)
	if encode[B, PB](t, &whole) == encode[B, PB](t, &parts) {
		t.Errorf("%s keeps the merge of its witnesses", f)
	}
}

func TestMorphismsKeepMerges(t *testing.T) {
	t.Parallel()
	even := func(x int) bool { return x%2 == 0 }
	half := func(x int) int { return x / 2 }
	keepsMerges(t, crdt.KeySet[string, crdt.GSet[int]](), drawGroups)
	keepsMerges(t, crdt.ValueAt[string, crdt.GSet[int]]("b"), drawGroups)
	keepsMerges(t, crdt.MergedValues[string, crdt.GSet[int]](), drawGroups)
	keepsMerges(t, crdt.Whole[crdt.GSet[int]](), drawSet)
	keepsMerges(t, crdt.Where("even", even), drawSet)
	keepsMerges(t, crdt.Image("half", half), drawSet)
	keepsMerges(t, crdt.Largest[int](), drawSet)
	keepsMerges(t, crdt.Smallest[int](), drawSet)
	keepsMerges(t, crdt.Each[string](crdt.Image("half", half)), drawGroups)
	keepsMerges(t, crdt.Each[string](crdt.Largest[int]()), drawGroups)
	keepsMerges(t, crdt.Compose(crdt.ValueAt[string, crdt.GSet[int]]("b"), crdt.Largest[int]()), drawGroups)
	keepsMerges(t, crdt.Compose(crdt.MergedValues[string, crdt.GSet[int]](), crdt.Where("even", even)), drawGroups)
	// f gives a constant where the inner function is the zero one.
	keepsMerges(t, crdt.Compose(crdt.Morphism[crdt.GCounter, crdt.GSet[int]]{}, crdt.Image("half", half)), drawCounter)
	keepsMerges(t, crdt.Morphism[crdt.GCounter, crdt.GSet[int]]{}, drawCounter)
}

func TestMonotoneFunctionsKeepTheOrder(t *testing.T) {
	t.Parallel()
	all := crdt.MergedValues[string, crdt.GSet[int]]()
	sizeOfAll := crdt.ComposeMonotone(all, crdt.Size[int]())
	keepsOrder(t, crdt.Size[int](), drawSet)
	keepsOrder(t, crdt.KeyCount[string, crdt.GSet[int]](), drawGroups)
	keepsOrder(t, crdt.CountOf(), drawCounter)
	keepsOrder(t, sizeOfAll, drawGroups)
	keepsOrder(t, crdt.Plus(sizeOfAll, crdt.KeyCount[string, crdt.GSet[int]]()), drawGroups)
	keepsOrder(t, crdt.Plus(crdt.Monotone[crdt.GCounter, crdt.Max[uint64]]{}, crdt.CountOf()), drawCounter)
	keepsOrder(t, crdt.ComposeMonotone(crdt.Size[int](), crdt.AssertMorphism("twice",
		func(m *crdt.Max[uint64]) (twice crdt.Max[uint64]) {
			if n, ok := m.Value(); ok {
				twice.Add(2 * n)
			}
			return twice
		})), drawSet)

	isNoMorphism(t, crdt.Size[int](), crdt.GSetOf(1), crdt.GSetOf(2))
	isNoMorphism(t, crdt.KeyCount[string, crdt.GSet[int]](), groupsOf("a", 1), groupsOf("b", 1))
	isNoMorphism(t, crdt.CountOf(), counter("a", 1), counter("b", 1))
	isNoMorphism(t, sizeOfAll, groupsOf("a", 1), groupsOf("a", 2))
}

// A morphism may be given the deltas. A function that is only monotone must see the whole.
func TestMorphismsRunOnDeltas(t *testing.T) {
	t.Parallel()
	evens := crdt.Where("even", func(x int) bool { return x%2 == 0 })
	rapid.Check(t, func(t *rapid.T) {
		var state, kept crdt.GSet[int]
		var size crdt.Max[uint64]
		for _, x := range rapid.SliceOfN(rapid.IntRange(0, 9), 2, 12).Draw(t, "elements") {
			delta := state.Add(x)
			part, n := evens.Apply(&delta), crdt.Size[int]().Apply(&delta)
			kept.Merge(&part)
			size.Merge(&n)
		}
		whole := evens.Apply(&state)
		if got, want := slices.Collect(kept.All()), slices.Collect(whole.All()); !slices.Equal(got, want) {
			t.Fatalf("of the deltas %v, of the whole %v", got, want)
		}
		if n, _ := size.Value(); n != 1 {
			t.Fatalf("the size of the deltas is %d; if that were the size of the set, Size could be a morphism", n)
		}
	})
}

func TestComposedUpSets(t *testing.T) {
	t.Parallel()
	sizes := crdt.Plus(
		crdt.ComposeMonotone(crdt.ValueAt[string, crdt.GSet[int]]("a"), crdt.Size[int]()),
		crdt.ComposeMonotone(crdt.ValueAt[string, crdt.GSet[int]]("b"), crdt.Size[int]()))
	three := crdt.ComposeUpSet(sizes, crdt.MaxAtLeast[uint64](3))
	holds(t, three, groupsOf("a", 1, "b", 1, "c", 1), false)
	holds(t, three, groupsOf("a", 1, "b", 1, "b", 2), true)
	holds(t, crdt.ComposeUpSet(crdt.Morphism[groups, crdt.GSet[int]]{}, crdt.Contains(1)), groupsOf("a", 1), false)
	holds(t, crdt.ComposeUpSet(crdt.Morphism[groups, crdt.GSet[int]]{}, crdt.All[crdt.GSet[int]]()), groups{}, true)
	holds(t, crdt.ComposeUpSet[groups, crdt.GSet[int]](nil, crdt.Contains(1)), groupsOf("a", 1), false)
	upward(t, three, drawGroups)
}

// upward fails if a state of u has one above it that is not of u. It sees a state in u often, or fails too.
func upward[L any, P crdt.Lattice[L]](t *testing.T, u crdt.UpSet[L], draw *rapid.Generator[L]) {
	t.Helper()
	held := 0
	rapid.Check(t, func(t *rapid.T) {
		x, y := draw.Draw(t, "x"), draw.Draw(t, "y")
		if !u.Holds(&x) {
			return
		}
		held++
		if both := merged[L, P](&x, &y); !u.Holds(&both) {
			t.Fatalf("%q holds for %x and not for %x above it", u, encode[L, P](t, &x), encode[L, P](t, &both))
		}
	})
	if held == 0 {
		t.Errorf("%q held for no state: nothing was checked", u)
	}
}

func TestNamesOfQueries(t *testing.T) {
	t.Parallel()
	keys, size := crdt.KeySet[string, crdt.GSet[int]](), crdt.Size[string]()
	toSet := func(*groups) crdt.GSet[int] { return crdt.GSet[int]{} }
	in := crdt.ComposeRelation(crdt.ValueAt[string, crdt.GSet[int]]("in"), crdt.Elements[int]())
	out := crdt.ComposeRelation(crdt.ValueAt[string, crdt.GSet[int]]("out"), crdt.Elements[int]())
	id := func(x int) int { return x }
	for want, q := range map[string]fmt.Stringer{
		"keys":                       keys,
		"size of (keys)":             crdt.ComposeMonotone(keys, size),
		"max >= 3 of (size)":         crdt.ComposeUpSet(size, crdt.MaxAtLeast[uint64](3)),
		`value at "a"`:               crdt.ValueAt[string, crdt.GSet[int]]("a"),
		"merged values":              crdt.MergedValues[string, crdt.GSet[int]](),
		"(elements) where even":      crdt.Where("even", func(int) bool { return true }),
		"half of (elements)":         crdt.Image("half", id),
		"(size) + (size)":            crdt.Plus(size, size),
		"(bottom) + (size)":          crdt.Plus(nil, size),
		`asserted morphism "f"`:      crdt.AssertMorphism("f", toSet),
		`asserted monotone "f"`:      crdt.AssertMonotone("f", toSet),
		"size of (bottom)":           crdt.ComposeMonotone(crdt.Morphism[groups, crdt.GSet[string]]{}, size),
		"decide size >= 3":           crdt.SizeAtLeast[string](3).Decide(),
		"length of (state)":          crdt.Derive(crdt.Snapshot[groups](), "length", func(groups) int { return 0 }),
		"state of (keys)":            crdt.ComposeNonMonotone(keys, crdt.Snapshot[crdt.GSet[string]]()),
		"bottom":                     crdt.Monotone[groups, groups]{},
		"unknown":                    crdt.NonMonotone[groups, int]{},
		"elements":                   crdt.Elements[int](),
		"no rows":                    crdt.Relation[groups, int]{},
		`asserted relation "r"`:      crdt.AssertRelation("r", (*crdt.GSet[int]).All),
		"(elements) of each key":     crdt.Unnest[string](crdt.Elements[int]()),
		`elements of (value at "a")`: crdt.RowsOf(crdt.ValueAt[string, crdt.GSet[int]]("a")),

		`(elements of (value at "in")) minus (elements of (value at "out"))`:    in.Minus(out),
		`(elements of (value at "in")) union (elements of (value at "out"))`:    in.Union(out),
		`(elements of (value at "in")) intersect (elements of (value at "in"))`: in.Intersect(in),

		"(elements) join on value (elements)": crdt.JoinOn(crdt.Elements[int](), crdt.Elements[int](), "value", id, id),
		"(elements) grouped by value":         crdt.GroupBy(crdt.Elements[int](), "value", id, func([]int) int { return 0 }),
		"value of (elements) with count >= 1": crdt.GroupsAtLeast(crdt.Elements[int](), "value", id, -1),
		"(elements) where odd":                crdt.Elements[int]().Select("odd", func(int) bool { return true }),
		"half of ((elements) where odd)":      crdt.Project(crdt.Elements[int]().Select("odd", func(int) bool { return true }), "half", id),
		"count of (elements) >= 7":            crdt.Elements[int]().CountAtLeast(7),
		"sum of price of (elements) >= 7":     crdt.Elements[int]().SumAtLeast("price", func(int) uint64 { return 1 }, 7),
		"(elements) contains 7":               crdt.Elements[int]().Contains(7),
		`(elements) contains "7"`:             crdt.Elements[string]().Contains("7"),
		"count of (elements)":                 crdt.Elements[int]().Size(),
		"exact count of (elements)":           crdt.Elements[int]().Count(),
		"sum of price of (elements)":          crdt.Elements[int]().Total("price", func(int) uint64 { return 1 }),
		"exact sum of price of (elements)":    crdt.Elements[int]().Sum("price", func(int) int64 { return 1 }),
		"max price of (elements)":             crdt.MaxOver(crdt.Elements[int](), "price", id),
		"min price of (elements)":             crdt.MinOver(crdt.Elements[int](), "price", id),
		"set of (elements)":                   crdt.SetOf(crdt.Elements[int]()),
		"rows of (elements)":                  crdt.Elements[int]().Rows(),
	} {
		if got := q.String(); got != want {
			t.Errorf("name %q, want %q", got, want)
		}
	}
}
