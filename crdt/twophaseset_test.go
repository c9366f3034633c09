package crdt_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

// twoPhase adds some elements and removes others, which it adds before.
func twoPhase[T crdt.Ordered](added []T, removed ...T) (s crdt.TwoPhaseSet[T]) {
	for _, x := range slices.Concat(added, removed) {
		s.Add(x)
	}
	for _, x := range removed {
		s.Remove(x)
	}
	return s
}

func TestTwoPhaseSet(t *testing.T) {
	t.Parallel()
	type set = crdt.TwoPhaseSet[int16]
	check(t, suite[set]{
		samples: []set{
			twoPhase([]int16{1}), twoPhase([]int16{2}), twoPhase(nil, int16(1)), twoPhase([]int16{1, 2}), twoPhase([]int16{2}, 1),
			twoPhase([]int16{-1, 300}, 1, 2), twoPhase([]int16{1, 2, 3, 4, 5, 6, 7, 8}), twoPhase([]int16{1, 2, 3, 4, 5, 6, 7}, 8, 9),
		},
		random: func(r *rand.Rand) (s set) {
			for range r.IntN(12) {
				if x := int16(r.IntN(8) - 4); r.IntN(3) > 0 {
					s.Add(x)
				} else {
					s.Remove(x)
				}
			}
			return s
		},
		updates: []func(*set) set{
			func(s *set) set { return s.Add(2) },
			func(s *set) set { return s.Remove(2) },
			func(s *set) set { return s.Remove(1) },
		},
		upSets: []crdt.UpSet[set]{
			crdt.EverAdded(int16(1)), crdt.EverRemoved(int16(1)), crdt.ChangesAtLeast[int16](0), crdt.ChangesAtLeast[int16](3), crdt.ChangesAtLeast[int16](7),
		},
		golden: "twophaseset_int16",
		goldens: map[string]set{
			"bottom": {}, "added": twoPhase([]int16{3, 1, 2}), "removed": twoPhase(nil, int16(-1)), "some of each": twoPhase([]int16{1, 3}, 2, 300),
			"eight": twoPhase([]int16{0, 1, 2, 3, 4, 5, 6}, 7), "nine": twoPhase([]int16{1, 2, 3, 4, 5, 6, 7}, 0, 8),
		},
		json: map[string]string{
			"bottom": `{"elements":[],"removed":[]}`, "some of each": `{"elements":[1,3],"removed":[2,300]}`,
		},
	})
}

// cartOp adds an element or removes it.
type cartOp struct {
	x      int
	remove bool
}

func TestTwoPhaseSetHistory(t *testing.T) {
	t.Parallel()
	type shown struct {
		elements, removed []int
		length, changes   int
	}
	checkHistory(t, history[crdt.TwoPhaseSet[int], cartOp, shown]{
		op: rapid.Custom(func(t *rapid.T) cartOp {
			return cartOp{rapid.IntRange(0, 3).Draw(t, "x"), rapid.Bool().Draw(t, "remove")}
		}),
		apply: func(s *crdt.TwoPhaseSet[int], _ string, op cartOp) crdt.TwoPhaseSet[int] {
			if op.remove {
				return s.Remove(op.x)
			}
			return s.Add(op.x)
		},
		read: func(s *crdt.TwoPhaseSet[int]) shown {
			return shown{slices.Collect(s.All()), slices.Collect(s.Removed()), s.Len(), s.Changes()}
		},
		// A removal counts if it was made where an addition was known, and says that there was one.
		reference: func(known []*event[cartOp]) (s shown) {
			added, removed := map[int]bool{}, map[int]bool{}
			for _, e := range known {
				if !e.op.remove {
					added[e.op.x] = true
				}
				for earlier := range e.saw {
					if e.op.remove && earlier.op == (cartOp{x: e.op.x}) {
						added[e.op.x], removed[e.op.x] = true, true
					}
				}
			}
			s.changes = len(added) + len(removed)
			s.removed = slices.Sorted(maps.Keys(removed))
			maps.DeleteFunc(added, func(x int, _ bool) bool { return removed[x] })
			s.elements, s.length = slices.Sorted(maps.Keys(added)), len(added)
			return s
		},
	})
}

// Of an element it is known that it was added, or that it was removed as well; the latter is for ever.
func TestTwoPhaseSetRemoveIsForEver(t *testing.T) {
	t.Parallel()
	var here crdt.TwoPhaseSet[string]
	if d := here.Remove("x"); here.Changes() != 0 || d.Changes() != 0 {
		t.Errorf("removing what was never added left a trace")
	}
	added := here.Add("x")
	if !here.Contains("x") || !here.WasAdded("x") || here.WasRemoved("x") {
		t.Errorf("an element that was added is not in the set")
	}
	removed := here.Remove("x")
	if again := here.Remove("x"); again.Changes() != 0 {
		t.Errorf("the second removal has a delta")
	}
	if back := here.Add("x"); back.Changes() != 0 {
		t.Errorf("adding what was removed has a delta")
	}
	var there crdt.TwoPhaseSet[string]
	for _, d := range []crdt.TwoPhaseSet[string]{removed, added} { // in the wrong order
		there.Merge(&d)
		if there.Contains("x") || !there.WasAdded("x") || !there.WasRemoved("x") || there.Len() != 0 || there.Changes() != 2 {
			t.Errorf("an element that was removed is in the set, or only half removed")
		}
	}
}

// Large sets are trees: compare with two Go maps, over merges of any size.
func TestTwoPhaseSetAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s crdt.TwoPhaseSet[uint16]
		added, removed := map[uint16]bool{}, map[uint16]bool{}
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			var other crdt.TwoPhaseSet[uint16]
			changed := false
			for i, x := range batch(t, rapid.SampledFrom([]int{1, 10, 1000}).Draw(t, "at most")) {
				other.Add(x)
				changed = changed || !added[x]
				added[x] = true
				if i%3 == 0 {
					other.Remove(x)
					changed = changed || !removed[x]
					removed[x] = true
				}
			}
			before := crdt.Clone(&s)
			if grew := s.Merge(&other); grew != changed {
				t.Fatalf("Merge returned %v", grew)
			}
			if delta := s.Delta(&before); !before.Merge(&delta) && changed || encode(t, &before) != encode(t, &s) {
				t.Fatalf("the delta of a merge does not give the same")
			}
		}
		for x := range uint16(keyRange) {
			if s.WasAdded(x) != added[x] || s.WasRemoved(x) != removed[x] || s.Contains(x) != (added[x] && !removed[x]) {
				t.Fatalf("%d: added %v, removed %v", x, s.WasAdded(x), s.WasRemoved(x))
			}
		}
		if s.Len() != len(added)-len(removed) || s.Changes() != len(added)+len(removed) {
			t.Fatalf("%d elements after %d changes", s.Len(), s.Changes())
		}
		if got := exact(t, crdt.AddedElements[uint16]().Rows(), &s); !slices.Equal(got, slices.Sorted(maps.Keys(added))) {
			t.Fatalf("the rows added are %v", got)
		}
		if got := exact(t, crdt.RemovedElements[uint16]().Rows(), &s); !slices.Equal(got, slices.Sorted(maps.Keys(removed))) {
			t.Fatalf("the rows removed are %v", got)
		}
		var decoded crdt.TwoPhaseSet[uint16]
		if err := decoded.UnmarshalBinary([]byte(encode(t, &s))); err != nil || decoded.Len() != s.Len() || encode(t, &decoded) != encode(t, &s) {
			t.Fatalf("the set does not survive encoding: %v", err)
		}
	})
}

func TestTwoPhaseSetIteratorsStop(t *testing.T) {
	t.Parallel()
	s := twoPhase([]int{2, 1}, 4, 3)
	for x := range s.All() {
		if x != 1 {
			t.Errorf("the first element is %d", x)
		}
		break
	}
	for x := range s.Removed() {
		if x != 3 {
			t.Errorf("the first element removed is %d", x)
		}
		break
	}
	holds(t, crdt.AddedElements[int]().CountAtLeast(1), s, true)
	holds(t, crdt.RemovedElements[int]().CountAtLeast(1), s, true)
}

func TestTwoPhaseSetDecoderRefuses(t *testing.T) {
	t.Parallel()
	s := twoPhase([]string{"x"}, "y")
	refuse(t, s, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, s, crdt.ErrVersion, "version 255", "ff")
	refuse(t, s, crdt.ErrCorrupt, "not ascending", "01 02 01 62 01 61 00")
	refuse(t, s, crdt.ErrCorrupt, "not ascending", "01 02 01 61 01 61 00")
	refuse(t, s, crdt.ErrCorrupt, "more items", "01 7f 01 61 00")
	refuse(t, s, crdt.ErrCorrupt, "bytes are missing", "01 01 01 61")
	refuse(t, s, crdt.ErrCorrupt, "a bit is set", "01 01 01 61 02")
	refuse(t, s, crdt.ErrCorrupt, "a bit is set", "01 01 01 61 80")
	refuse(t, s, crdt.ErrCorrupt, "left over", "01 00 00")
	refuse(t, s, crdt.ErrCorrupt, "left over", "01 01 01 61 01 00")
	nine := "01 09 00 01 02 03 04 05 06 07 08"
	refuse(t, twoPhase([]uint8{1}), crdt.ErrCorrupt, "bytes are missing", nine+"ff")
	refuse(t, twoPhase([]uint8{1}), crdt.ErrCorrupt, "a bit is set", nine+"ff 03")
}

func FuzzTwoPhaseSet(f *testing.F) {
	fuzz(f, twoPhase([]int{5, 1 << 30}, -5), twoPhase([]int{1, 2, 3, 4, 5}, 6, 7, 8), twoPhase([]int{0}))
}
