package crdt_test

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

// sealing is an operation of a SealedSet: it declares the length if at is below 0.
type sealing struct {
	at int
	x  int8
}

func seal(s *crdt.SealedSet[int8], op sealing) crdt.SealedSet[int8] {
	if op.at < 0 {
		return s.Declare(uint64(op.x))
	}
	return s.Put(uint64(op.at), op.x)
}

func sealedOf(ops ...sealing) (s crdt.SealedSet[int8]) {
	for _, op := range ops {
		seal(&s, op)
	}
	return s
}

func sealedSamples() []crdt.SealedSet[int8] {
	return []crdt.SealedSet[int8]{
		sealedOf(sealing{1, 8}, sealing{1, 9}, sealing{5, 1}, sealing{-1, 3}),
		sealedOf(sealing{-1, 0}), sealedOf(sealing{-1, 2}), sealedOf(sealing{-1, 2}, sealing{-1, 3}), // lengths
		sealedOf(sealing{0, 7}), sealedOf(sealing{0, 6}), sealedOf(sealing{0, 0}), sealedOf(sealing{0, 5}, sealing{0, 7}), // one position
		sealedOf(sealing{0, 7}, sealing{1, 8}), sealedOf(sealing{0, 7}, sealing{1, 8}, sealing{-1, 2}), // complete
		sealedOf(sealing{2, 9}),
	}
}

func TestSealedSet(t *testing.T) {
	t.Parallel()
	top := sealedOf(sealing{1, 3})
	top.Put(math.MaxUint64, -1)
	top.Declare(math.MaxUint64)
	check(t, suite[crdt.SealedSet[int8]]{
		samples: sealedSamples(),
		random: func(r *rand.Rand) (s crdt.SealedSet[int8]) {
			for range r.IntN(8) {
				seal(&s, sealing{r.IntN(5) - 1, int8(r.IntN(3))})
			}
			return s
		},
		updates: []func(*crdt.SealedSet[int8]) crdt.SealedSet[int8]{
			func(s *crdt.SealedSet[int8]) crdt.SealedSet[int8] { return s.Put(1, 9) },
			func(s *crdt.SealedSet[int8]) crdt.SealedSet[int8] { return s.Declare(3) },
		},
		golden: "sealedset_int8",
		goldens: map[string]crdt.SealedSet[int8]{
			"bottom": {}, "length": sealedOf(sealing{-1, 2}), "empty": sealedOf(sealing{-1, 0}), "holes": sealedOf(sealing{1, -1}, sealing{4, 64}),
			"complete":  sealedOf(sealing{1, 8}, sealing{-1, 2}, sealing{0, 7}),
			"conflicts": sealedOf(sealing{-1, 3}, sealing{-1, 5}, sealing{0, 1}, sealing{0, -1}, sealing{0, 0}, sealing{2, 4}),
			"bounds":    top,
		},
		json: map[string]string{
			"bottom":    `{"complete":false,"length":null,"elements":[]}`,
			"empty":     `{"complete":true,"length":0,"elements":[]}`,
			"complete":  `{"complete":true,"length":2,"elements":[[0,7],[1,8]]}`,
			"conflicts": `{"complete":false,"length":3,"otherLength":5,"conflict":true,"elements":[[0,-1],[2,4]],"conflicts":[[0,-1,1]]}`,
		},
	})
}

func TestSealedSetHistory(t *testing.T) {
	t.Parallel()
	type shown struct {
		assigned, disputed  map[uint64]int8
		complete, conflict  bool
		content             []int8
		length              uint64
		lengthKnown, exists bool
	}
	checkHistory(t, history[crdt.SealedSet[int8], sealing, shown]{
		op: rapid.Custom(func(t *rapid.T) sealing {
			at := rapid.IntRange(-1, 3).Draw(t, "at")
			if rapid.IntRange(0, 9).Draw(t, "lie") == 0 {
				return sealing{at, rapid.Int8Range(0, 4).Draw(t, "x")}
			}
			return sealing{at, int8(at + 4)} // the truth: the length is 3
		}),
		apply: func(s *crdt.SealedSet[int8], _ string, op sealing) crdt.SealedSet[int8] { return seal(s, op) },
		read: func(s *crdt.SealedSet[int8]) shown {
			r := shown{assigned: map[uint64]int8{}, disputed: map[uint64]int8{}, complete: s.Settled(), conflict: s.Conflict()}
			for i := range uint64(5) {
				if x, ok := s.Get(i); ok {
					r.assigned[i] = x
				}
			}
			for i := range s.Conflicts() {
				r.disputed[i] = 0
			}
			if content, ok := s.Content(); ok {
				r.content, r.exists = slices.Collect(content), true
			}
			r.length, r.lengthKnown = s.Length()
			return r
		},
		reference: func(known []*event[sealing]) shown {
			r := shown{assigned: map[uint64]int8{}, disputed: map[uint64]int8{}}
			positions, lengths := map[int]map[int8]bool{}, map[int8]bool{}
			for _, e := range known {
				if e.op.at < 0 {
					lengths[e.op.x] = true
				} else if positions[e.op.at] == nil {
					positions[e.op.at] = map[int8]bool{e.op.x: true}
				} else {
					positions[e.op.at][e.op.x] = true
				}
			}
			sorted := slices.Sorted(maps.Keys(lengths))
			r.complete = len(sorted) > 0
			r.conflict = len(sorted) > 1
			for at, xs := range positions {
				if len(xs) > 1 {
					r.conflict = true
					r.disputed[uint64(at)] = 0
					continue
				}
				for x := range xs {
					r.assigned[uint64(at)] = x
				}
				r.conflict = r.conflict || len(sorted) > 0 && at >= int(sorted[0])
			}
			for at := 0; len(sorted) > 0 && at < int(sorted[0]); at++ {
				r.complete = r.complete && positions[at] != nil
			}
			if r.complete && !r.conflict {
				r.exists = true
				for at := range uint64(sorted[0]) {
					r.content = append(r.content, r.assigned[at])
				}
			}
			if len(sorted) == 1 {
				r.length, r.lengthKnown = uint64(sorted[0]), true
			}
			return r
		},
	})
}

func TestSealedSetCompleteIsUpwardClosed(t *testing.T) {
	t.Parallel()
	crdttest.CheckUpSet(t, crdt.Complete[int8](), sealedSamples())
	// At conflicts of every kind above a complete set: another element, another length, one beyond the length.
	whole := sealedOf(sealing{0, 1}, sealing{1, 2}, sealing{2, 3}, sealing{-1, 3})
	for _, lie := range []sealing{{1, 9}, {-1, 2}, {-1, 9}, {7, 7}, {3, 0}} {
		s := crdt.Clone(&whole)
		if s.Conflict() || !s.Settled() {
			t.Fatalf("%v: complete %v, conflict %v before the lie", lie, s.Settled(), s.Conflict())
		}
		seal(&s, lie)
		if _, ok := s.Content(); ok || !s.Conflict() || !crdt.Complete[int8]().Holds(&s) {
			t.Errorf("%v: content %v, conflict %v, complete %v", lie, ok, s.Conflict(), s.Settled())
		}
	}
}

// What a delta brings must count as much as what the whole would: a position beyond the length does not complete the set.
func TestSealedSetDeltasAnswerAsTheWhole(t *testing.T) {
	t.Parallel()
	samples := append(sealedSamples(), sealedOf(sealing{1, 8}, sealing{-1, 2}), sealedOf(sealing{5, 1}))
	for i := range samples {
		for j := range samples {
			byWhole, byDelta := crdt.Clone(&samples[j]), crdt.Clone(&samples[j])
			byWhole.Merge(&samples[i])
			d := samples[i].Delta(&samples[j])
			if byDelta.Merge(&d); byDelta.Settled() != byWhole.Settled() || byDelta.Conflict() != byWhole.Conflict() {
				t.Errorf("%x with the delta of %x is complete %v, in conflict %v; with the whole %v, %v", encode(t, &samples[j]), encode(t, &samples[i]),
					byDelta.Settled(), byDelta.Conflict(), byWhole.Settled(), byWhole.Conflict())
			}
		}
	}
}

// The shopping cart of Bloom^L: actions with ids 99 to 103 arrive in any order and twice, and the checkout, which carries the range,
// may be the first of all.
func TestSealedSetCheckout(t *testing.T) {
	t.Parallel()
	const first, last = 99, 103
	actions := map[uint64]string{99: "add 5", 100: "add 10", 101: "add 10", 102: "remove 10", 103: "add 10"}
	var producer crdt.SealedSet[string]
	deltas := []crdt.SealedSet[string]{producer.Declare(last + 1 - first)}
	for _, id := range slices.Sorted(maps.Keys(actions)) {
		deltas = append(deltas, producer.Put(id-first, actions[id]))
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		var replica crdt.SealedSet[string]
		for !replica.Settled() {
			if _, ok := replica.Content(); ok {
				t.Fatal("content before it is complete")
			}
			replica.Merge(&deltas[r.IntN(len(deltas))])
		}
		if got := slices.Collect(contentOf(&replica)); !slices.Equal(got, []string{"add 5", "add 10", "add 10", "remove 10", "add 10"}) {
			t.Fatalf("got %q", got)
		}
		for i := range deltas {
			if replica.Merge(&deltas[i]) || replica.Conflict() {
				t.Fatal("a second delivery changed it")
			}
		}
		if d := replica.Declare(last + 1 - first); d.Len() > 0 || replica.Conflict() {
			t.Error("the same checkout twice is no conflict")
		}
		if replica.Put(last+1-first, "add 1"); !replica.Conflict() {
			t.Error("an id outside the range is a conflict")
		}
	}
	if producer.Declare(2); !producer.Conflict() {
		t.Error("a second checkout is a conflict")
	}
}

func contentOf(s *crdt.SealedSet[string]) func(func(string) bool) {
	all, _ := s.Content()
	return all
}

func TestSealedSetRefuses(t *testing.T) {
	t.Parallel()
	s := sealedOf(sealing{0, 1}, sealing{-1, 2})
	refuse(t, s, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, s, crdt.ErrVersion, "version 2", "02 00 00 00")
	refuse(t, s, crdt.ErrCorrupt, "cut off", "01")
	refuse(t, s, crdt.ErrCorrupt, "neither no length", "01 03 00 00")
	refuse(t, s, crdt.ErrCorrupt, "not above the smallest", "01 02 05 00 00 00")
	refuse(t, s, crdt.ErrCorrupt, "not above the smallest", "01 02 05 ff ff ff ff ff ff ff ff ff 01 00 00")
	refuse(t, s, crdt.ErrCorrupt, "more items", "01 00 02 00 02 00")
	refuse(t, s, crdt.ErrCorrupt, "does not fit", "01 00 01 00 80 02 00")
	refuse(t, s, crdt.ErrCorrupt, "position exceeds", "01 00 02 ff ff ff ff ff ff ff ff ff 01 02 00 02 00")
	refuse(t, s, crdt.ErrCorrupt, "position exceeds", "01 00 02 01 02 fe ff ff ff ff ff ff ff ff 01 02 00")
	refuse(t, s, crdt.ErrCorrupt, "cut off", "01 00 01 00 02")
	refuse(t, s, crdt.ErrCorrupt, "not assigned", "01 00 01 00 02 01 01 04")
	refuse(t, s, crdt.ErrCorrupt, "not above the smallest", "01 00 01 00 02 01 00 02")
	refuse(t, s, crdt.ErrCorrupt, "conflicts are not ascending", "01 00 02 00 02 00 02 02 01 04 00 04")
	refuse(t, s, crdt.ErrCorrupt, "conflicts are not ascending", "01 00 01 00 02 02 00 04 00 06")
	refuse(t, s, crdt.ErrCorrupt, "left over", "01 00 00 00 00")
}

func FuzzSealedSet(f *testing.F) {
	fuzz(f, sealedSamples()...)
}
