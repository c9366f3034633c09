package ask_test

import (
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/ask"
)

// found holds a set that was found by its name against itself: on the states that are in it, and on those that are not.
func found[L any](t *testing.T, set crdt.UpSet[L], in, out []L) {
	t.Helper()
	got, err := ask.Set[L](set.String())
	if err != nil || got.String() != set.String() {
		t.Errorf("%s is found as %s, %v", set, got, err)
	}
	for i := range in {
		if !got.Holds(&in[i]) {
			t.Errorf("%s: state %d is in it", set, i)
		}
	}
	for i := range out {
		if got.Holds(&out[i]) {
			t.Errorf("%s: state %d is not in it", set, i)
		}
	}
}

func TestSetsAreFoundByTheirNames(t *testing.T) {
	t.Parallel()
	var two, three crdt.GCounter
	two.Add("a", 2)
	three.Add("a", 3)
	found(t, crdt.AtLeast(3), []crdt.GCounter{three}, []crdt.GCounter{{}, two})
	var raised crdt.Bool
	raised.Raise()
	found(t, crdt.Raised(), []crdt.Bool{raised}, []crdt.Bool{{}})
	found(t, crdt.Contains(`a "b" c`), []crdt.GSet[string]{crdt.GSetOf(`a "b" c`)}, []crdt.GSet[string]{{}, crdt.GSetOf("a")})
	found(t, crdt.Contains(int32(-7)), []crdt.GSet[int32]{crdt.GSetOf(int32(-7))}, []crdt.GSet[int32]{crdt.GSetOf(int32(7))})
	found(t, crdt.SizeAtLeast[uint32](2), []crdt.GSet[uint32]{crdt.GSetOf(uint32(1), 2)}, []crdt.GSet[uint32]{crdt.GSetOf(uint32(1))})
	found(t, crdt.MaxAtLeast(-3), []crdt.Max[int]{crdt.MaxOf(-3)}, []crdt.Max[int]{{}, crdt.MaxOf(-4)})
	found(t, crdt.MaxAtLeast("m"), []crdt.Max[string]{crdt.MaxOf("z")}, []crdt.Max[string]{crdt.MaxOf("a")})
	found(t, crdt.MinAtMost(uint64(3)), []crdt.Min[uint64]{crdt.MinOf(uint64(3))}, []crdt.Min[uint64]{{}, crdt.MinOf(uint64(4))})
}

// What is no name, or that of a set of other states, is refused with one that would do.
func TestOtherNamesAreRefused(t *testing.T) {
	t.Parallel()
	refused := func(err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, name := range []string{"", "count >= ", "count >= -1", "count >= 1 ", "count > 1", "raised", `asserted "count >= 1"`, "count >= 18446744073709551616"} {
		_, err := ask.Set[crdt.GCounter](name)
		refused(err, "one that is: count >= 100")
	}
	_, err := ask.Set[crdt.GSet[string]]("contains x")
	refused(err, `one that is: contains "x", or size >= 3`)
	_, err = ask.Set[crdt.GSet[int32]]("contains 2147483648")
	refused(err, "crdt.GSet[int32]; one that is: contains 3")
	_, err = ask.Set[crdt.Max[uint32]]("max >= -1")
	refused(err, "max >= 3")
	_, err = ask.Set[crdt.PNCounter]("added >= 1")
	refused(err, "one that is: there is none")
	_, err = ask.Named(&plan.Node{}, "main.Custom", "string")
	refused(err, "a state of type main.Custom with string keys is known to its program alone")
	_, err = ask.Key("window", "x")
	refused(err, "known to their program alone")
}

// A state that is known by names says what the state of its program does.
func TestNamedStates(t *testing.T) {
	t.Parallel()
	var n crdt.GCounter
	n.Add("a", 2)
	data, err := n.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range []string{"string", "signed", "unsigned"} {
		s, err := ask.Named(&plan.Node{Name: "n"}, "crdt.GCounter", keys)
		if err != nil {
			t.Fatal(err)
		}
		key, errKey := s.Key("7")
		other, errOther := ask.Key(keys, "7")
		if errKey != nil || errOther != nil || string(key) != string(other) {
			t.Errorf("%s: %x %v, %x %v", keys, key, errKey, other, errOther)
		}
		r, err := s.Read(plan.Finding{Known: true, Present: true, Value: data}, "count >= 2")
		if err != nil || !r.Holds || r.Settled || string(r.Value) != "2" {
			t.Errorf("%s: %+v %v", keys, r, err)
		}
		if r, err = s.Read(plan.Finding{Known: true}, "count >= 1"); err != nil || r.Holds || string(r.Value) != "0" {
			t.Errorf("%s: %+v %v", keys, r, err)
		}
		if _, err = s.Read(plan.Finding{Known: true, Present: true, Value: []byte{77}}, ""); err == nil {
			t.Error("what is no counter was read as one")
		}
	}
}
