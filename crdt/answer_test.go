package crdt_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

// once is a value that is assigned once; two values merge to a conflict. It stands for lattices of users that settle.
type once struct {
	v     uint8
	state uint8 // 0 unassigned, 1 assigned, 2 conflict
}

func (o *once) Merge(other *once) bool {
	switch {
	case other.state == 0 || o.state == 2 || *o == *other:
		return false
	case o.state == 0:
		*o = *other
	default:
		*o = once{state: 2}
	}
	return true
}

func (o *once) Conflict() bool                        { return o.state == 2 }
func (o *once) Settled() bool                         { return o.state != 0 }
func (o *once) AppendBinary(b []byte) ([]byte, error) { return append(b, 1, o.state, o.v), nil }

func (o *once) UnmarshalBinary(data []byte) error {
	if len(data) != 3 || data[0] != 1 || data[1] > 2 || data[1] != 1 && data[2] != 0 {
		return crdt.ErrCorrupt
	}
	*o = once{state: data[1], v: data[2]}
	return nil
}

func onceOf(v uint8) once { return once{v: v, state: 1} }

var (
	onceConflict = once{state: 2}
	onceIsSet    = crdt.AssertUpSet("is set", (*once).Settled)
	onceValue    = crdt.ExactRead("value", func(o *once) uint8 { return o.v })
)

func TestOnce(t *testing.T) {
	t.Parallel()
	crdttest.CheckLaws(t, []once{onceOf(0), onceOf(1), onceOf(2), onceConflict})
	crdttest.CheckUpSet(t, onceIsSet, []once{onceOf(0), onceConflict})
}

func says[T any](t *testing.T, a crdt.Answer[T], text, inJSON string) {
	t.Helper()
	if got := a.String(); got != text {
		t.Errorf("the answer is %q, want %q", got, text)
	}
	if got, err := json.Marshal(a); err != nil || string(got) != inJSON {
		t.Errorf("the answer in JSON is %s, error %v, want %s", got, err, inJSON)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	const unknown = `{"verdict":"unknown"}`
	three := counter("a", 1, "b", 2)
	says(t, crdt.Answer[int]{}, "unknown", unknown)
	says(t, crdt.AtLeast(3).Ask(&three), "true (stable)", `{"value":true,"verdict":"stable"}`)
	says(t, crdt.AtLeast(4).Ask(&three), "unknown", unknown)
	says(t, crdt.UpSet[crdt.GCounter]{}.Ask(&three), "unknown", unknown)

	unset, conflict, five := once{}, onceConflict, onceOf(5)
	says(t, onceIsSet.Ask(&unset), "unknown", unknown)
	says(t, onceIsSet.Ask(&five), "true (final: settled)", `{"value":true,"verdict":"final","basis":"settled"}`)
	says(t, onceIsSet.Ask(&conflict), "true (stable)", `{"value":true,"verdict":"stable"}`) // nothing is final there

	set := crdt.GSetOf(1, 2)
	says(t, crdt.Where("even", even).Ask(&set), "[2] (lower-bound)", `{"value":[2],"verdict":"lower-bound"}`)
	size := crdt.Exact(crdt.Size[int]())
	stale := crdt.Stale("a dashboard", crdt.Elements[int]().Count(), &set)
	says(t, stale, "2 (provisional: stale: a dashboard)", `{"value":2,"verdict":"provisional","basis":"stale: a dashboard"}`)
	if v, known := stale.Value(); v != 2 || !known || stale.Verdict() != crdt.Provisional || stale.Basis() != "stale: a dashboard" {
		t.Errorf("the stale answer is %d, %v, %s, %q", v, known, stale.Verdict(), stale.Basis())
	}
	says(t, crdt.Stale("none", crdt.NonMonotone[crdt.GSet[int], int]{}, &set), "unknown", unknown)
	says(t, crdt.Stale[crdt.GSet[int], int]("none", nil, &set), "unknown", unknown)
	says(t, crdt.Elements[int]().Count().Ask(crdt.Sealed[crdt.GSet[int]]{}), "unknown", unknown)
	says(t, crdt.NonMonotone[crdt.GSet[int], int]{}.Ask(crdt.AssertSealed("a test", &set)), "unknown", unknown)
	if got := crdt.Stale("any class", size, &set).Verdict(); got != crdt.Provisional {
		t.Errorf("a stale read of a monotone function is %s", got)
	}
}

// A question decided after the seal has both answers; before it there is only true.
func TestDecide(t *testing.T) {
	t.Parallel()
	set := crdt.GSetOf(1, 2)
	seal := crdt.AssertSealed("the test says so", &set)
	says(t, crdt.Contains(1).Decide().Ask(seal), `true (final: asserted sealed "the test says so")`,
		`{"value":true,"verdict":"final","basis":"asserted sealed \"the test says so\""}`)
	says(t, crdt.Contains(3).Decide().Ask(seal), `false (final: asserted sealed "the test says so")`,
		`{"value":false,"verdict":"final","basis":"asserted sealed \"the test says so\""}`)
	says(t, crdt.UpSet[crdt.GSet[int]]{}.Decide().Ask(seal), `false (final: asserted sealed "the test says so")`,
		`{"value":false,"verdict":"final","basis":"asserted sealed \"the test says so\""}`)
}

func TestFloorsAndCeilings(t *testing.T) {
	t.Parallel()
	c := counter("a", 5)
	floor := crdt.FloorOf(crdt.CountOf(), &c)
	c.Add("a", 5) // a bound is of the state that was asked
	for x, want := range map[uint64]string{0: "true (stable)", 5: "true (stable)", 6: "unknown", 10: "unknown"} {
		if got := floor.AtLeast(x).String(); got != want {
			t.Errorf("%s: at least %d: %s, want %s", floor, x, got, want)
		}
	}
	set := crdt.GSetOf("m", "q")
	ceiling := crdt.CeilingOf(crdt.Smallest[string](), &set)
	for x, want := range map[string]string{"a": "unknown", "m": "true (stable)", "z": "true (stable)"} {
		if got := ceiling.AtMost(x).String(); got != want {
			t.Errorf("%s: at most %q: %s, want %s", ceiling, x, got, want)
		}
	}
	var none crdt.GSet[int]
	for want, got := range map[string]fmt.Stringer{
		"at least 5": floor, `at most "m"`: ceiling,
		"unknown": crdt.FloorOf(crdt.Largest[int](), &none),
	} {
		if got.String() != want {
			t.Errorf("the bound is %q, want %q", got, want)
		}
	}
	for _, a := range []crdt.Answer[crdt.Yes]{
		crdt.FloorOf(crdt.Largest[int](), &none).AtLeast(-1000), crdt.Floor[int]{}.AtLeast(0),
		crdt.CeilingOf(crdt.Smallest[int](), &none).AtMost(1000), crdt.Ceiling[int]{}.AtMost(0),
		crdt.FloorOf[crdt.GSet[int], int](nil, &none).AtLeast(0),
	} {
		if a.String() != "unknown" {
			t.Errorf("a bound of nothing says %s", a)
		}
	}
	if s := (crdt.Ceiling[int]{}).String(); s != "unknown" {
		t.Errorf("the zero Ceiling is %q", s)
	}

	// What no future can change is final at once.
	nine := onceOf(9)
	value := crdt.AssertMonotone("value", func(o *once) (m crdt.Max[int]) {
		if o.state == 1 {
			m.Add(int(o.v))
		}
		return m
	})
	says(t, crdt.FloorOf(value, &nine).AtLeast(9), "true (final: settled)", `{"value":true,"verdict":"final","basis":"settled"}`)
}

func TestChoices(t *testing.T) {
	t.Parallel()
	choice, err := crdt.NewChoice(crdt.When("low", onceOf(1), onceOf(2)), crdt.When("high", onceOf(8)), crdt.When[once]("never"))
	if err != nil {
		t.Fatal(err)
	}
	if got := choice.String(); got != "one of (low, high, never)" {
		t.Errorf("name %q", got)
	}
	for state, want := range map[once]string{
		{}: "unknown", onceOf(1): "low (final: settled)", onceOf(2): "low (final: settled)", onceOf(3): "unknown",
		onceOf(8): "high (final: settled)",
	} {
		if got, err := choice.Ask(&state); err != nil || got.String() != want {
			t.Errorf("of %v the choice is %s, error %v, want %s", state, got, err, want)
		}
	}
	conflict := onceConflict
	if got, err := choice.Ask(&conflict); !errors.Is(err, crdt.ErrConflict) || got.String() != "unknown" {
		t.Errorf("of a conflict the choice is %s, error %v", got, err)
	}
	if got, err := (crdt.Choice[once, string]{}).Ask(&conflict); err != nil || got.String() != "unknown" {
		t.Errorf("the zero choice is %s, error %v", got, err)
	}
}

func TestChoicesAreRefused(t *testing.T) {
	t.Parallel()
	refused := func(err, want error, text string) {
		t.Helper()
		if !errors.Is(err, want) || !strings.HasSuffix(err.Error(), text) {
			t.Errorf("error %q, want %q at the end", err, text)
		}
	}
	_, err := crdt.NewChoice(crdt.When("a", onceOf(1)), crdt.When("b", onceOf(2)), crdt.When("c", onceOf(3), onceOf(2)))
	refused(err, crdt.ErrCompatible, "2 (b) and 3 (c): threshold 1 of the one and threshold 2 of the other merge without a conflict")
	_, err = crdt.NewChoice(crdt.When(true, once{}), crdt.When(false, onceOf(2)))
	refused(err, crdt.ErrCompatible, "1 (true) and 2 (false): threshold 1 of the one and threshold 1 of the other merge without a conflict")
	_, err = crdt.NewChoice(crdt.When("a", onceOf(1)), crdt.When("b", onceOf(2), onceConflict))
	refused(err, crdt.ErrConflict, "threshold 2 of alternative 2 (b)")
	// A lattice without conflicts has an upper bound for any two thresholds.
	_, err = crdt.NewChoice(crdt.When("few", crdt.GSetOf(1)), crdt.When("many", crdt.GSetOf(2, 3)))
	refused(err, crdt.ErrCompatible, "1 (few) and 2 (many): threshold 1 of the one and threshold 1 of the other merge without a conflict")
	if _, err := crdt.NewChoice(crdt.When("only", crdt.GSetOf(1))); err != nil {
		t.Errorf("one alternative is refused: %v", err)
	}
}

// The thresholds are the choice's own, and are compared by what the state lacks.
func TestChoicesKeepTheirThresholds(t *testing.T) {
	t.Parallel()
	at := crdt.MapOf[string, crdt.GSet[int]]("a", crdt.GSetOf(1, 2, 3))
	sets := crdt.GSetOf(9, 5)
	inMap, err := crdt.NewChoice(crdt.When("here", at))
	inSet, err2 := crdt.NewChoice(crdt.When("here", sets))
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	at.Update("b", crdt.GSetOf(1))
	at.Update("a", crdt.GSetOf(0))
	sets.Add(1)
	for want, state := range map[string]groups{
		"here (stable)": groupsOf("a", 1, "a", 2, "a", 3, "c", 1), "unknown": groupsOf("a", 1, "a", 2, "c", 3),
	} {
		if a, err := inMap.Ask(&state); err != nil || a.String() != want {
			t.Errorf("%s, error %v, want %s", a, err, want)
		}
	}
	for want, state := range map[string]crdt.GSet[int]{"here (stable)": crdt.GSetOf(4, 5, 9), "unknown": crdt.GSetOf(4, 5)} {
		if a, err := inSet.Ask(&state); err != nil || a.String() != want {
			t.Errorf("%s, error %v, want %s", a, err, want)
		}
	}
}

// ballots are votes that are cast once, by name of the voter.
type ballots = crdt.Map[string, once, *once]

func ballotsOf(t fataler, votes string) (b ballots) {
	t.Helper()
	for i, v := range votes {
		if v != '.' {
			b.Update(string(rune('a'+i)), onceOf(uint8(v-'0')))
		}
	}
	return b
}

// Of five voters, any three for and any three against have one in common, who voted for both: a conflict.
func majority(t *testing.T) crdt.Choice[ballots, string] {
	t.Helper()
	thresholds := func(v string) (all []ballots) {
		for mask := range 32 {
			votes, n := "", 0
			for i := range 5 {
				if mask>>i&1 == 1 {
					votes += v
					n++
				} else {
					votes += "."
				}
			}
			if n == 3 {
				all = append(all, ballotsOf(t, votes))
			}
		}
		return all
	}
	c, err := crdt.NewChoice(crdt.When("yes", thresholds("1")...), crdt.When("no", thresholds("0")...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Copies that have seen different votes may not know, but those that do agree.
func TestChoicesAgree(t *testing.T) {
	t.Parallel()
	choice := majority(t)
	rapid.Check(t, func(t *rapid.T) {
		votes := rapid.SliceOfN(rapid.SampledFrom([]string{"0", "1", "."}), 5, 5).Draw(t, "votes")
		whole := ballotsOf(t, strings.Join(votes, ""))
		want := map[string]bool{}
		for _, v := range [][2]string{{"1", "yes"}, {"0", "no"}} {
			if len(slices.DeleteFunc(slices.Clone(votes), func(x string) bool { return x != v[0] })) >= 3 {
				want[v[1]] = true
			}
		}
		var seen ballots
		known := false
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, 4), 0, 12).Draw(t, "order") {
			k := string(rune('a' + i))
			if v, ok := whole.Get(k); ok {
				seen.Update(k, v)
			}
			a, err := choice.Ask(&seen)
			v, now := a.Value()
			if err != nil || now && (!want[v] || a.Verdict() != crdt.Stable) || known && !now {
				t.Fatalf("of %v a copy says %s, error %v; known before: %v", votes, a, err, known)
			}
			known = now
		}
		a, err := choice.Ask(&whole)
		if v, known := a.Value(); err != nil || known != (len(want) == 1) || known && !want[v] {
			t.Fatalf("%v: %s, error %v", votes, a, err)
		}
	})
	twice := ballotsOf(t, "11100")
	twice.Update("e", onceOf(1))
	if !twice.Conflict() {
		t.Error("a vote cast twice is no conflict of the map")
	}
	if a, err := choice.Ask(&twice); !errors.Is(err, crdt.ErrConflict) {
		t.Errorf("with a vote cast twice: %s, error %v", a, err)
	}
	if never := groupsOf("a", 1); never.Conflict() {
		t.Error("a map of sets is in conflict")
	}
}
