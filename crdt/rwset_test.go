package crdt_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// removeWins makes a set by steps such as "a:fig" (origin a adds fig) and "b:-fig" (origin b removes it).
func removeWins(steps string) crdt.RWSet[string] {
	return after(steps, func(s *crdt.RWSet[string], origin, what string) {
		if x, ok := strings.CutPrefix(what, "-"); ok {
			s.Remove(origin, x)
		} else {
			s.Add(origin, x)
		}
	})
}

func TestRWSet(t *testing.T) {
	t.Parallel()
	concurrent := join(removeWins("a:fig a:nut"), removeWins("b:-fig"))
	check(t, suite[crdt.RWSet[string]]{
		coarse: true, // a dot stands for different operations in different samples
		samples: []crdt.RWSet[string]{
			removeWins("a:fig"), removeWins("a:-fig"), removeWins("a:nut"), removeWins("a:fig b:-fig"), removeWins("b:-fig a:fig"), concurrent,
		},
		random: func(r *rand.Rand) crdt.RWSet[string] {
			steps := []string{"a:fig", "b:nut", "a:-nut", "b:fig", "b:-fig"}
			r.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
			return removeWins(strings.Join(steps[:r.IntN(6)], " "))
		},
		golden: "rwset_string",
		goldens: map[string]crdt.RWSet[string]{
			"bottom": {}, "one": removeWins("a:fig"), "removed": removeWins("a:fig a:-fig"), "concurrent": concurrent,
			"never added": removeWins("a:-fig a:pear"),
		},
		json: map[string]string{"bottom": "[]", "one": `["fig"]`, "removed": "[]", "concurrent": `["nut"]`, "never added": `["pear"]`},
	})
}

func TestRWSetHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[crdt.RWSet[int], setOp, []int]{
		op: setOps(),
		apply: func(s *crdt.RWSet[int], origin string, op setOp) crdt.RWSet[int] {
			if op.add {
				return s.Add(origin, op.x)
			}
			return s.Remove(origin, op.x)
		},
		read: func(s *crdt.RWSet[int]) []int { return slices.Collect(s.All()) },
		reference: func(known []*event[setOp]) (all []int) {
			left := inForce(known, func(later, earlier *event[setOp]) bool { return later.op.x == earlier.op.x })
			for x := range 3 {
				added, removed := false, false
				for _, e := range left {
					added, removed = added || e.op == setOp{true, x}, removed || e.op == setOp{false, x}
				}
				if added && !removed {
					all = append(all, x)
				}
			}
			return all
		},
	})
}

func TestRWSetReads(t *testing.T) {
	t.Parallel()
	s := join(removeWins("a:fig a:nut a:pear"), removeWins("b:-fig"))
	if s.Len() != 2 || s.Contains("fig") || !s.Contains("nut") || s.Contains("date") {
		t.Errorf("%d elements: %v", s.Len(), slices.Collect(s.All()))
	}
	if s.Add("b", "fig"); s.Len() != 3 {
		t.Error("an add that knows of the removal does not win")
	}
	for range s.All() { // it can be left
		break
	}
}

func TestRWSetRefuses(t *testing.T) {
	t.Parallel()
	s := removeWins("a:fig")
	refuse(t, s, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, s, crdt.ErrCorrupt, "a store is empty", "01 01 0161 01 00 01 0178 00 00 00")
	refuse(t, s, crdt.ErrCorrupt, "neither 0 nor 1", "01 01 0161 01 00 01 0178 01 00 01 02")
	refuse(t, s, crdt.ErrVersion, "version 3", "03")
}

func FuzzRWSet(f *testing.F) { fuzz(f, removeWins("a:fig b:-nut a:pear"), removeWins("a:fig")) }
