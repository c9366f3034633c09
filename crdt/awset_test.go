package crdt_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

// fruit makes a set by steps such as "+a:fig" (origin a adds fig) and "-fig".
func fruit(steps string) (s crdt.AWSet[string]) {
	for _, step := range strings.Fields(steps) {
		if what, ok := strings.CutPrefix(step, "-"); ok {
			s.Remove(what)
			continue
		}
		origin, what, _ := strings.Cut(step[1:], ":")
		s.Add(origin, what)
	}
	return s
}

// setOp is an operation on a set.
type setOp struct {
	add bool
	x   int
}

func setOps() *rapid.Generator[setOp] {
	return rapid.Custom(func(t *rapid.T) setOp { return setOp{rapid.Bool().Draw(t, "add"), rapid.IntRange(0, 2).Draw(t, "x")} })
}

func randomSet(r *rand.Rand) (s crdt.AWSet[int8]) {
	replicas := make([]crdt.AWSet[int8], 2)
	for range r.IntN(8) {
		i := r.IntN(2)
		switch at := &replicas[i]; r.IntN(5) {
		case 0:
			at.Remove(int8(r.IntN(4)))
		case 1:
			at.Merge(&replicas[1-i])
		default:
			at.Add(string(rune('a'+i)), int8(r.IntN(4)))
		}
	}
	return replicas[0]
}

func TestAWSet(t *testing.T) {
	t.Parallel()
	add2 := fruit("+a:fig")
	delta2 := add2.Add("a", "pear") // without the first
	samples := []crdt.AWSet[string]{
		fruit("+a:fig"), fruit("+b:fig"), fruit("+a:fig -fig"), fruit("+a:fig +a:fig"), fruit("+a:fig +b:pear -fig"), delta2,
		join(fruit("+a:fig"), fruit("+b:fig")), fruit("+a:pear"), // the last: two histories of a
	}
	check(t, suite[crdt.AWSet[string]]{
		coarse:  true, // a dot stands for different operations in different samples
		samples: samples,
		random: func(r *rand.Rand) (s crdt.AWSet[string]) {
			steps := []string{"+a:fig", "+b:pear", "-fig", "+b:fig", "+a:nut"}
			r.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
			return fruit(strings.Join(steps[:r.IntN(6)], " "))
		},
		golden: "awset_string",
		goldens: map[string]crdt.AWSet[string]{
			"bottom": {}, "one": samples[0], "removed": samples[2], "delta": delta2, "concurrent": samples[6],
			"two origins": fruit("+b:pear +a:fig +b:nut +a:date -fig"),
		},
		json: map[string]string{"bottom": "[]", "removed": "[]", "concurrent": `["fig"]`, "two origins": `["date","nut","pear"]`},
	})
	crdttest.CheckRandom(t, 2, 100, randomSet)
	var some []crdt.AWSet[int8]
	for seed := range uint64(8) {
		some = append(some, randomSet(rand.New(rand.NewPCG(seed, 9))))
	}
	crdttest.CheckDeltas(t, some)
}

func TestAWSetHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[crdt.AWSet[int], setOp, []int]{
		op: setOps(),
		apply: func(s *crdt.AWSet[int], origin string, op setOp) crdt.AWSet[int] {
			if op.add {
				return s.Add(origin, op.x)
			}
			return s.Remove(op.x)
		},
		read: func(s *crdt.AWSet[int]) []int { return slices.Collect(s.All()) },
		reference: func(known []*event[setOp]) (all []int) {
			for _, e := range inForce(known, func(later, earlier *event[setOp]) bool { return earlier.op.add && later.op.x == earlier.op.x }) {
				if e.op.add {
					all = append(all, e.op.x)
				}
			}
			slices.Sort(all)
			return slices.Compact(all)
		},
	})
}

// TestAWSetAgainstModel compares one large set with a Go map. It goes through all forms in memory, up and down.
func TestAWSetAgainstModel(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	var s, copied crdt.AWSet[int]
	model := map[int]bool{}
	for _, size := range []int{20, 0, 300, 3, 5000, 40, 700, 0} {
		for len(model) != size {
			x := r.IntN(6000)
			var delta crdt.AWSet[int]
			if len(model) > size { // aim at what is there
				for ; !model[x]; x = (x + 1) % 6000 {
				}
			}
			if grow := len(model) < size; grow == (r.IntN(8) > 0) {
				delta = s.Add([]string{"a", "b", "c"}[r.IntN(3)], x)
				model[x] = true
			} else {
				delta = s.Remove(x)
				delete(model, x)
			}
			before := copied.Context()
			if grew, news := copied.Merge(&delta), delta.Context(); grew != before.Merge(&news) && !grew && news.Count() > 0 {
				t.Fatalf("merging a delta said that it grew: %v", grew)
			}
		}
		if s.Len() != len(model) || copied.Len() != len(model) {
			t.Fatalf("%d and %d elements, want %d", s.Len(), copied.Len(), len(model))
		}
		for x := range s.All() {
			if !model[x] || !s.Contains(x) || !copied.Contains(x) {
				t.Fatalf("%d does not belong here", x)
			}
		}
		cloned := crdt.Clone(&s)
		var decoded crdt.AWSet[int]
		if err := decoded.UnmarshalBinary([]byte(encode(t, &s))); err != nil {
			t.Fatal(err)
		}
		for i, other := range []*crdt.AWSet[int]{&copied, &cloned, &decoded} {
			if encode(t, other) != encode(t, &s) || other.Len() != s.Len() {
				t.Fatalf("copy %d with %d elements differs", i, size)
			}
		}
		checkBothWays(t, &s, &copied, r)
	}
}

// checkBothWays lets two copies go apart, and compares merging states with merging deltas.
func checkBothWays(t *testing.T, s, same *crdt.AWSet[int], r *rand.Rand) {
	t.Helper()
	other := crdt.Clone(same)
	mine := crdt.Clone(s)
	for range 50 {
		other.Add("z", r.IntN(6000))
		other.Remove(r.IntN(6000))
		mine.Add("y", r.IntN(6000))
		mine.Remove(r.IntN(6000))
	}
	delta := other.Delta(&mine)
	byDelta, byState, byBoth := crdt.Clone(&mine), crdt.Clone(&mine), crdt.Clone(&other)
	if !byDelta.Merge(&delta) || !byState.Merge(&other) || !byBoth.Merge(&mine) || byState.Merge(&other) || byState.Merge(&delta) {
		t.Fatal("growth is wrong")
	}
	if want := encode(t, &byState); encode(t, &byDelta) != want || encode(t, &byBoth) != want {
		t.Fatal("merging a delta and merging a state differ")
	}
	if least, all := len(encode(t, &delta)), len(encode(t, &other)); other.Len() > 1000 && least*10 > all {
		t.Fatalf("the delta has %d of %d bytes", least, all)
	}
}

// TestAddsOutOfOrderSurvive is the trap of plain version vectors: the second add must not make a copy believe that it knows of
// the first, for then it would tell others that the first was removed.
func TestAddsOutOfOrderSurvive(t *testing.T) {
	t.Parallel()
	var a, b, c crdt.AWSet[string]
	first, second := a.Add("a", "fig"), a.Add("a", "pear")
	b.Merge(&second)
	c.Merge(&first)
	c.Merge(&b)
	if want := []string{"fig", "pear"}; !slices.Equal(slices.Collect(c.All()), want) {
		t.Errorf("c has %v, want %v: b never heard of fig, and c took it for removed", slices.Collect(c.All()), want)
	}
	b.Merge(&first)
	if encode(t, &b) != encode(t, &a) {
		t.Error("b has heard of all, and differs from a")
	}
}

// TestDeltasInAnyOrder merges many deltas in a random order, some of them twice.
func TestDeltasInAnyOrder(t *testing.T) {
	t.Parallel()
	const n = 20_000
	r := rand.New(rand.NewPCG(7, 8))
	var s, shuffled crdt.AWSet[int]
	var deltas []crdt.AWSet[int]
	for i := range n {
		deltas = append(deltas, s.Add([]string{"a", "b"}[i%2], r.IntN(n)))
		if i%3 == 0 {
			deltas = append(deltas, s.Remove(r.IntN(n)))
		}
	}
	for _, i := range append(r.Perm(len(deltas)), r.Perm(n/4)...) {
		shuffled.Merge(&deltas[i])
	}
	if encode(t, &shuffled) != encode(t, &s) || shuffled.Len() != s.Len() || s.Len() < n/4 {
		t.Errorf("%d elements, want %d", shuffled.Len(), s.Len())
	}
}

func TestRemovalBeforeItsAdd(t *testing.T) {
	t.Parallel()
	var a, b crdt.AWSet[string]
	add := a.Add("a", "fig")
	remove := a.Remove("fig")
	if b.Merge(&remove); b.Merge(&add) || b.Len() != 0 {
		t.Error("a removal came before its add, and the add won")
	}
	if nothing := b.Remove("fig"); encode(t, &nothing) != encode(t, new(crdt.AWSet[string])) {
		t.Error("to remove what is not there has a delta")
	}
}

// TestRemovalsLeaveNothingBehind holds the claim that there are no tombstones.
func TestRemovalsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	const n = 100_000
	var s crdt.AWSet[string]
	for i := range n {
		s.Add("shard-0", strconv.Itoa(i))
	}
	for i := range n {
		s.Remove(strconv.Itoa(i * 7919 % n))
	}
	if got := encode(t, &s); len(got) > 24 {
		t.Errorf("an empty set is encoded in %d bytes", len(got))
	}
	s.Add("shard-0", "again")
	if s.Len() != 1 || !s.Contains("again") {
		t.Errorf("%d elements, want one", s.Len())
	}
}

func TestAWSetRefuses(t *testing.T) {
	t.Parallel()
	s := fruit("+a:fig +b:pear")
	const context = "01 02 0161 02 00 0162 01 00" // a:1-2 b:1
	for _, bad := range []struct{ why, digits string }{
		{"no version byte", ""},
		{"cut off", "01 00"},
		{"more items", context + " 7f"},
		{"cut off", context + " 01 01 81"},
		{"not in the context", context + " 01 00 03 0178"},
		{"not in the context", context + " 01 02 01 0178"},
		{"not in the context", "01 00 01 00 01 0178"},
		{"not ascending", context + " 01 00 00 0178"},
		{"not ascending", context + " 02 00 01 0178 00 00 0179"},
		{"not ascending", context + " 02 00 01 0178 00 ff ff ff ff ff ff ff ff ff 01 0179"},
		{"more bytes", context + " 01 00 01 7f78"},
		{"left over", context + " 01 00 01 0178 00"},
	} {
		refuse(t, s, crdt.ErrCorrupt, bad.why, bad.digits)
	}
	refuse(t, s, crdt.ErrVersion, "version 2", "02 00 00")
}

func FuzzAWSet(f *testing.F) {
	fuzz(f, fruit("+a:fig +b:pear +a:nut -fig"), join(fruit("+a:fig"), fruit("+b:fig")), fruit("+a:fig -fig"))
}
