package crdt_test

import (
	"math/rand/v2"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

type (
	argMax = crdt.ArgMax[int8, string]
	argMin = crdt.ArgMin[int8, string]
)

func argMaxSamples() []argMax {
	return []argMax{
		crdt.ArgMaxOf[int8](3, "b"), crdt.ArgMaxOf[int8](3, "a"), crdt.ArgMaxOf[int8](3, "c"), crdt.ArgMaxOf[int8](4, "z"),
		crdt.ArgMaxOf[int8](-128, ""), crdt.ArgMaxOf[int8](0, ""), crdt.ArgMaxOf[int8](127, "b"),
	}
}

func argMinSamples() []argMin {
	return []argMin{
		crdt.ArgMinOf[int8](3, "b"), crdt.ArgMinOf[int8](3, "a"), crdt.ArgMinOf[int8](3, "c"), crdt.ArgMinOf[int8](4, "z"),
		crdt.ArgMinOf[int8](-128, ""), crdt.ArgMinOf[int8](0, ""), crdt.ArgMinOf[int8](127, "b"),
	}
}

func TestArgMax(t *testing.T) {
	t.Parallel()
	check(t, suite[argMax]{
		samples: argMaxSamples(),
		random: func(r *rand.Rand) (a argMax) {
			for range r.IntN(3) {
				a.Add(int8(r.IntN(3)-1), string(rune('a'+r.IntN(3))))
			}
			return a
		},
		updates: []func(*argMax) argMax{
			func(a *argMax) argMax { return a.Add(3, "b") },
			func(a *argMax) argMax { return a.Add(4, "c") },
		},
		golden:  "argmax_int8_string",
		goldens: map[string]argMax{"bottom": {}, "zero": crdt.ArgMaxOf[int8](0, ""), "one": crdt.ArgMaxOf[int8](-64, "abc")},
		json:    map[string]string{"bottom": "null", "one": `{"key":"abc","score":-64}`},
	})
}

func TestArgMin(t *testing.T) {
	t.Parallel()
	check(t, suite[argMin]{
		samples: argMinSamples(),
		random: func(r *rand.Rand) (a argMin) {
			for range r.IntN(3) {
				a.Add(int8(r.IntN(3)-1), string(rune('a'+r.IntN(3))))
			}
			return a
		},
		updates: []func(*argMin) argMin{
			func(a *argMin) argMin { return a.Add(3, "b") },
			func(a *argMin) argMin { return a.Add(2, "c") },
		},
		golden:  "argmin_int8_string",
		goldens: map[string]argMin{"bottom": {}, "zero": crdt.ArgMinOf[int8](0, ""), "one": crdt.ArgMinOf[int8](-64, "abc")},
		json:    map[string]string{"bottom": "null", "one": `{"key":"abc","score":-64}`},
	})
}

// scoring is an operation of an ArgMax, a TopK and their opposites.
type scoring struct {
	key   string
	score int8
}

func scorings() *rapid.Generator[scoring] {
	return rapid.Custom(func(t *rapid.T) scoring {
		return scoring{rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "key"), rapid.Int8Range(-2, 2).Draw(t, "score")}
	})
}

type shownBest struct {
	best    scoring
	ok      bool
	reached [5]bool // whether the score is as good as -2, …, 2
}

// bestScoring is the reference; sign is -1 where small is good.
func bestScoring(known []*event[scoring], sign int8) (s shownBest) {
	for _, e := range known {
		if !s.ok || sign*e.op.score > sign*s.best.score || e.op.score == s.best.score && e.op.key < s.best.key {
			s.best, s.ok = e.op, true
		}
	}
	for i := range s.reached {
		s.reached[i] = s.ok && sign*s.best.score >= sign*int8(i-2)
	}
	return s
}

func TestArgMaxHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[argMax, scoring, shownBest]{
		op:    scorings(),
		apply: func(a *argMax, _ string, op scoring) argMax { return a.Add(op.score, op.key) },
		read: func(a *argMax) (s shownBest) {
			s.best.score, s.best.key, s.ok = a.Best()
			for i := range s.reached {
				s.reached[i] = crdt.ScoreAtLeast[int8, string](int8(i - 2)).Holds(a)
			}
			return s
		},
		reference: func(known []*event[scoring]) shownBest { return bestScoring(known, 1) },
	})
}

func TestArgMinHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[argMin, scoring, shownBest]{
		op:    scorings(),
		apply: func(a *argMin, _ string, op scoring) argMin { return a.Add(op.score, op.key) },
		read: func(a *argMin) (s shownBest) {
			s.best.score, s.best.key, s.ok = a.Best()
			for i := range s.reached {
				s.reached[i] = crdt.ScoreAtMost[int8, string](int8(i - 2)).Holds(a)
			}
			return s
		},
		reference: func(known []*event[scoring]) shownBest { return bestScoring(known, -1) },
	})
}

func TestArgMaxUpSetsAreUpwardClosed(t *testing.T) {
	t.Parallel()
	for _, s := range []int8{-128, 0, 3, 4} {
		crdttest.CheckUpSet(t, crdt.ScoreAtLeast[int8, string](s), argMaxSamples())
		crdttest.CheckUpSet(t, crdt.ScoreAtMost[int8, string](s), argMinSamples())
	}
	naive := crdt.AssertUpSet("b is the best", func(a *argMax) bool { _, key, _ := a.Best(); return key == "b" })
	if crdttest.UpwardClosed(naive, argMaxSamples()) == nil {
		t.Error("that a key is the best was not refuted")
	}
}

func TestArgMaxRefuses(t *testing.T) {
	t.Parallel()
	high, low := crdt.ArgMaxOf[int8](1, "x"), crdt.ArgMinOf[int8](1, "x")
	refuse(t, high, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, high, crdt.ErrVersion, "version 2", "02")
	refuse(t, high, crdt.ErrCorrupt, "cut off", "01 02")
	refuse(t, high, crdt.ErrCorrupt, "does not fit", "01 80 02 00")
	refuse(t, high, crdt.ErrCorrupt, "more bytes", "01 02 02 61")
	refuse(t, high, crdt.ErrCorrupt, "shortest form", "01 82 00 00")
	refuse(t, high, crdt.ErrCorrupt, "left over", "01 02 01 61 00")
	refuse(t, low, crdt.ErrVersion, "ArgMin has version 0", "00")
	refuse(t, low, crdt.ErrCorrupt, "cut off", "01 02")
}

func FuzzArgMax(f *testing.F) { fuzz(f, argMaxSamples()...) }

func FuzzArgMin(f *testing.F) { fuzz(f, argMinSamples()...) }
