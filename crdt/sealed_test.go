package crdt_test

import (
	"errors"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

func TestSealWhen(t *testing.T) {
	t.Parallel()
	three := crdt.SizeAtLeast[int](3)
	state := crdt.GSetOf(1, 2)
	if s, ok := crdt.SealWhen(&state, three); ok || s.String() != "unsealed" || s.Check(&state) != nil {
		t.Errorf("sealed %v too early: %s", ok, s)
	}
	state.Add(3)
	s, ok := crdt.SealWhen(&state, three)
	if !ok || s.String() != "sealed when size >= 3" {
		t.Fatalf("sealed %v: %s", ok, s)
	}
	says(t, crdt.Elements[int]().Rows().Ask(s), "[1 2 3] (final: sealed when size >= 3)",
		`{"value":[1,2,3],"verdict":"final","basis":"sealed when size \u003e= 3"}`)

	// What comes after the seal does not change it, and is found.
	early := crdt.GSetOf(1)
	if err := errors.Join(s.Check(&state), s.Check(&early)); err != nil {
		t.Errorf("a copy that is not above the seal: %v", err)
	}
	state.Add(0)
	says(t, crdt.Elements[int]().Count().Ask(s), "3 (final: sealed when size >= 3)",
		`{"value":3,"verdict":"final","basis":"sealed when size \u003e= 3"}`)
	if err := s.Check(&state); !errors.Is(err, crdt.ErrLate) || err.Error() != "crdt: input arrived after the seal (sealed when size >= 3)" {
		t.Errorf("late input: error %v", err)
	}
}

func TestSealSettled(t *testing.T) {
	t.Parallel()
	open, five, conflict := once{}, onceOf(5), onceConflict
	s, ok := crdt.SealSettled(&five)
	if !ok {
		t.Fatal("a settled state is not sealed")
	}
	says(t, onceValue.Ask(s), "5 (final: settled)", `{"value":5,"verdict":"final","basis":"settled"}`)
	for name, state := range map[string]*once{"open": &open, "in conflict": &conflict} {
		if s, ok := crdt.SealSettled(state); ok {
			t.Errorf("a state that is %s is sealed: %s", name, s)
		}
	}
	if s, ok := crdt.SealWhen(&conflict, onceIsSet); ok {
		t.Errorf("a conflict is sealed: %s", s)
	}
	set := crdt.GSetOf(1)
	if s, ok := crdt.SealSettled(&set); ok {
		t.Errorf("a set, which may always grow, is sealed: %s", s)
	}
	if err := s.Check(&conflict); !errors.Is(err, crdt.ErrLate) {
		t.Errorf("a second assignment after the seal: error %v", err)
	}
}

// A part of a state may be settled long before the whole: what depends on that part alone is final at once.
func TestPartsSettle(t *testing.T) {
	t.Parallel()
	votes := ballotsOf(t, "1....")
	first := crdt.ValueAt[string, once]("a").Apply(&votes)
	s, ok := crdt.SealSettled(&first)
	if !ok {
		t.Fatal("the vote of a is not settled")
	}
	if v, _ := onceValue.Ask(s).Value(); v != 1 {
		t.Errorf("a voted %d", v)
	}
}

// Plain copies of a seal are the same seal, and a query through another function sees the same.
func TestSealsAreValues(t *testing.T) {
	t.Parallel()
	state := groupsOf("a", 1, "b", 2)
	s := crdt.AssertSealed("the test says so", &state)
	same := s
	state.Update("c", crdt.GSetOf(3))
	keys := crdt.ComposeNonMonotone(crdt.KeySet[string, crdt.GSet[int]](), crdt.Snapshot[crdt.GSet[string]]())
	const want = `["a","b"] (final: asserted sealed "the test says so")`
	if a, b := keys.Ask(s).String(), keys.Ask(same).String(); a != want || b != want {
		t.Errorf("the keys are %s and %s, want %s", a, b, want)
	}
	n := crdt.Derive(keys, "length", func(s crdt.GSet[string]) int { return s.Len() })
	if got, _ := n.Ask(s).Value(); got != 2 {
		t.Errorf("%s is %d", n, got)
	}
	exactSize := crdt.ComposeNonMonotone(crdt.KeySet[string, crdt.GSet[int]](), crdt.Exact(crdt.Size[string]()))
	if size, _ := exactSize.Ask(s).Value(); encode(t, &size) != encode(t, ptr(crdt.MaxOf[uint64](2))) {
		t.Errorf("%s is %v", exactSize, size)
	}
	for _, none := range []crdt.NonMonotone[groups, crdt.GSet[string]]{
		crdt.ComposeNonMonotone(crdt.KeySet[string, crdt.GSet[int]](), crdt.NonMonotone[crdt.GSet[string], crdt.GSet[string]]{}),
		crdt.ComposeNonMonotone(crdt.NonMonotone[groups, groups]{}, crdt.KeySet[string, crdt.GSet[int]]()),
		crdt.Derive(crdt.NonMonotone[groups, int]{}, "f", func(int) crdt.GSet[string] { return crdt.GSet[string]{} }),
		crdt.Exact[groups, crdt.GSet[string]](nil),
	} {
		if _, known := none.Ask(s).Value(); known {
			t.Errorf("%s answers", none)
		}
	}
}

func ptr[T any](x T) *T { return &x }

// Settled is a claim of a type; where it is wrong, answers that were called final change.
func TestSettledClaims(t *testing.T) {
	t.Parallel()
	for _, x := range []once{{}, onceOf(1), onceConflict} {
		for _, y := range []once{{}, onceOf(1), onceOf(2), onceConflict} {
			up := x
			if up.Merge(&y) && x.Settled() && !up.Conflict() {
				t.Errorf("%v is settled and grows to %v", x, up)
			}
		}
	}
	crdttest.CheckUpSet(t, crdt.AssertUpSet("settled", (*once).Settled), []once{onceOf(1), onceOf(2)})
	crdttest.CheckUpSet(t, crdt.AssertUpSet("conflict", (*once).Conflict), []once{onceOf(1), onceConflict})
}
