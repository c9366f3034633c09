package crdt_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

func TestGSet(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.GSet[int16]]{
		samples: []crdt.GSet[int16]{crdt.GSetOf[int16](1), crdt.GSetOf[int16](2), crdt.GSetOf[int16](1, 2), crdt.GSetOf[int16](-1, 300)},
		random: func(r *rand.Rand) (s crdt.GSet[int16]) {
			for range r.IntN(6) {
				s.Add(int16(r.IntN(8) - 4))
			}
			return s
		},
		updates: []func(*crdt.GSet[int16]) crdt.GSet[int16]{
			func(s *crdt.GSet[int16]) crdt.GSet[int16] { return s.Add(2) },
			func(s *crdt.GSet[int16]) crdt.GSet[int16] { return s.Add(300) },
		},
		upSets: []crdt.UpSet[crdt.GSet[int16]]{crdt.Contains(int16(300)), crdt.SizeAtLeast[int16](2)},
		golden: "gset_int16",
		goldens: map[string]crdt.GSet[int16]{
			"bottom": {}, "1 2 3": crdt.GSetOf[int16](3, 1, 2), "signs": crdt.GSetOf[int16](64, -64, 0, -32768, 32767),
		},
		json: map[string]string{"bottom": "[]", "1 2 3": "[1,2,3]"},
	})
}

func TestGSetHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[crdt.GSet[int], int, []int]{
		op:    rapid.IntRange(-3, 3),
		apply: func(s *crdt.GSet[int], _ string, op int) crdt.GSet[int] { return s.Add(op) },
		read:  func(s *crdt.GSet[int]) []int { return slices.Collect(s.All()) },
		reference: func(known []*event[int]) (all []int) {
			for _, e := range known {
				all = append(all, e.op)
			}
			slices.Sort(all)
			return slices.Compact(all)
		},
	})
}
