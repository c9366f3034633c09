package crdt_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

type (
	topK    = crdt.TopK[string, int8]
	bottomK = crdt.BottomK[string, int8]
)

func topKOf(k int, all ...scoring) topK {
	t := crdt.NewTopK[string, int8](k)
	for _, s := range all {
		t.Add(s.key, s.score)
	}
	return t
}

func bottomKOf(k int, all ...scoring) bottomK {
	t := crdt.NewBottomK[string, int8](k)
	for _, s := range all {
		t.Add(s.key, s.score)
	}
	return t
}

// rankings are samples for both: ties, keys that rise and fall, keys that are dropped and come back.
func rankings[L any](of func(k int, all ...scoring) L) []L {
	return []L{
		of(2, scoring{"a", 1}, scoring{"b", 3}), of(2), of(1), of(2, scoring{"b", 1}), of(2, scoring{"a", 3}), of(2, scoring{"c", 1}, scoring{"a", 1}),
		of(2, scoring{"b", 2}, scoring{"c", 2}), of(1, scoring{"c", 4}), of(1, scoring{"b", 1}), of(3, scoring{"a", -3}, scoring{"b", 0}, scoring{"c", 5}),
		of(0, scoring{"z", 3}, scoring{"a", 1}, scoring{"y", -1}), of(2, scoring{"d", 1}),
	}
}

// randomRanking makes a value from scorings with equal keys and equal scores.
func randomRanking[L any](of func(k int, all ...scoring) L) func(r *rand.Rand) L {
	return func(r *rand.Rand) L {
		var all []scoring
		for range r.IntN(6) {
			all = append(all, scoring{string(rune('a' + r.IntN(4))), int8(r.IntN(4))})
		}
		return of(r.IntN(4), all...)
	}
}

func TestTopK(t *testing.T) {
	t.Parallel()
	check(t, suite[topK]{
		samples: rankings(topKOf),
		random:  randomRanking(topKOf),
		updates: []func(*topK) topK{
			func(x *topK) topK { return x.Add("a", 2) },
			func(x *topK) topK { return x.Add("c", 3) },
		},
		golden: "topk_string_int8",
		goldens: map[string]topK{
			"bottom": {}, "limit": topKOf(300), "no limit": topKOf(0, scoring{"", 0}),
			"ties": topKOf(3, scoring{"c", 1}, scoring{"a", -2}, scoring{"b", 1}, scoring{"c", 0}, scoring{"d", -2}),
		},
		json: map[string]string{
			"bottom": `{"k":null,"best":[]}`,
			"ties":   `{"k":3,"best":[{"key":"b","score":1},{"key":"c","score":1},{"key":"a","score":-2}]}`,
		},
	})
}

func TestBottomK(t *testing.T) {
	t.Parallel()
	check(t, suite[bottomK]{
		samples: rankings(bottomKOf),
		random:  randomRanking(bottomKOf),
		updates: []func(*bottomK) bottomK{
			func(x *bottomK) bottomK { return x.Add("a", 2) },
			func(x *bottomK) bottomK { return x.Add("c", 0) },
		},
		golden: "bottomk_string_int8",
		goldens: map[string]bottomK{
			"bottom": {}, "ties": bottomKOf(3, scoring{"c", 1}, scoring{"a", -2}, scoring{"b", 1}, scoring{"c", 2}, scoring{"d", 1}),
		},
		json: map[string]string{"ties": `{"k":3,"best":[{"key":"a","score":-2},{"key":"b","score":1},{"key":"c","score":1}]}`},
	})
}

type shownRanking struct {
	ranking            []scoring
	reached, bestReach [5]bool // whether the k-th, or the first, is as good as -2, …, 2
}

// bestScorings is the reference: the best score of each key, sorted, cut; sign is -1 where small is good.
func bestScorings(known []*event[scoring], k int, sign int8) (s shownRanking) {
	best := map[string]int8{}
	for _, e := range known {
		if score, ok := best[e.op.key]; !ok || sign*e.op.score > sign*score {
			best[e.op.key] = e.op.score
		}
	}
	for key, score := range best {
		s.ranking = append(s.ranking, scoring{key, score})
	}
	slices.SortFunc(s.ranking, func(a, b scoring) int {
		return cmp.Or(cmp.Compare(sign*b.score, sign*a.score), cmp.Compare(a.key, b.key))
	})
	s.ranking = s.ranking[:min(k, len(s.ranking))]
	for i := range s.reached {
		n := len(s.ranking)
		s.reached[i] = n == k && sign*s.ranking[n-1].score >= sign*int8(i-2)
		s.bestReach[i] = n > 0 && sign*s.ranking[0].score >= sign*int8(i-2)
	}
	return s
}

func TestTopKHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[topK, scoring, shownRanking]{
		op: scorings(),
		apply: func(x *topK, _ string, op scoring) topK {
			limit := topKOf(2)
			x.Merge(&limit)
			return x.Add(op.key, op.score)
		},
		read: func(x *topK) (s shownRanking) {
			for key, score := range x.All() {
				s.ranking = append(s.ranking, scoring{key, score})
			}
			for i := range s.reached {
				s.reached[i] = crdt.KthScoreAtLeast[string](int8(i - 2)).Holds(x)
				s.bestReach[i] = crdt.BestScoreAtLeast[string](int8(i - 2)).Holds(x)
			}
			return s
		},
		reference: func(known []*event[scoring]) shownRanking { return bestScorings(known, 2, 1) },
	})
}

func TestBottomKHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[bottomK, scoring, shownRanking]{
		op: scorings(),
		apply: func(x *bottomK, _ string, op scoring) bottomK {
			limit := bottomKOf(2)
			x.Merge(&limit)
			return x.Add(op.key, op.score)
		},
		read: func(x *bottomK) (s shownRanking) {
			for key, score := range x.All() {
				s.ranking = append(s.ranking, scoring{key, score})
			}
			for i := range s.reached {
				s.reached[i] = crdt.KthScoreAtMost[string](int8(i - 2)).Holds(x)
				s.bestReach[i] = crdt.BestScoreAtMost[string](int8(i - 2)).Holds(x)
			}
			return s
		},
		reference: func(known []*event[scoring]) shownRanking { return bestScorings(known, 2, -1) },
	})
}

func TestTopKUpSetsAreUpwardClosed(t *testing.T) {
	t.Parallel()
	for _, s := range []int8{-128, 0, 1, 3} {
		crdttest.CheckUpSet(t, crdt.KthScoreAtLeast[string](s), rankings(topKOf))
		crdttest.CheckUpSet(t, crdt.BestScoreAtLeast[string](s), rankings(topKOf))
	}
	for _, s := range []int8{1, 2, 3, 127} {
		crdttest.CheckUpSet(t, crdt.KthScoreAtMost[string](s), rankings(bottomKOf))
		crdttest.CheckUpSet(t, crdt.BestScoreAtMost[string](s), rankings(bottomKOf))
	}
	naive := crdt.AssertUpSet("a is among the k best", func(x *topK) bool {
		for key := range x.All() {
			if key == "a" {
				return true
			}
		}
		return false
	})
	if crdttest.UpwardClosed(naive, rankings(topKOf)) == nil {
		t.Error("membership was not refuted")
	}
}

func TestTopKDeltasOfSamples(t *testing.T) {
	t.Parallel()
	checkSameMerge(t, rankings(topKOf))
	checkSameMerge(t, rankings(bottomKOf))
}

// Nothing smaller gives the same merge: all values of k = 2 over three keys and two scores.
func TestTopKDeltaIsTheLeastThatGivesTheSameMerge(t *testing.T) {
	t.Parallel()
	all := []topK{topKOf(2)}
	var entries []scoring
	for _, key := range []string{"a", "b", "c"} {
		entries = append(entries, scoring{key, 1}, scoring{key, 2})
	}
	for i, e := range entries {
		all = append(all, topKOf(2, e))
		for _, f := range entries[:i] {
			if f.key != e.key {
				all = append(all, topKOf(2, e, f))
			}
		}
	}
	for i := range all {
		for j := range all {
			want := crdt.Clone(&all[j])
			want.Merge(&all[i])
			d := all[i].Delta(&all[j])
			for k := range all {
				got := crdt.Clone(&all[j])
				if got.Merge(&all[k]); encode(t, &got) == encode(t, &want) && !crdt.Below(&d, &all[k]) {
					t.Errorf("the delta of %x since %x is %x, and %x will do", encode(t, &all[i]), encode(t, &all[j]), encode(t, &d), encode(t, &all[k]))
				}
			}
		}
	}
}

// TestTopKLarge compares with a sorted slice, with enough keys for several levels of the trees.
func TestTopKLarge(t *testing.T) {
	t.Parallel()
	const k, n = 7000, 40_000
	r := rand.New(rand.NewPCG(5, 6))
	x, halves := crdt.NewTopK[uint16, uint32](k), [2]crdt.TopK[uint16, uint32]{crdt.NewTopK[uint16, uint32](k), crdt.NewTopK[uint16, uint32](k)}
	best := map[uint16]uint32{}
	for i := range n {
		key, score := uint16(r.UintN(12_000)), r.Uint32N(3000)
		x.Add(key, score)
		halves[i%2].Add(key, score)
		best[key] = max(best[key], score)
	}
	type pair struct {
		key   uint16
		score uint32
	}
	var want []pair
	for key, score := range best {
		want = append(want, pair{key, score})
	}
	slices.SortFunc(want, func(a, b pair) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.key, b.key)) })
	var got []pair
	for key, score := range x.All() {
		got = append(got, pair{key, score})
	}
	if !slices.Equal(got, want[:k]) {
		t.Error("the best differ")
	}
	if halves[0].Merge(&halves[1]); encode(t, &halves[0]) != encode(t, &x) {
		t.Error("the merge of the halves is not the whole")
	}
}

func TestTopKRefuses(t *testing.T) {
	t.Parallel()
	high, low := topKOf(2, scoring{"x", 1}), bottomKOf(2, scoring{"x", 1})
	refuse(t, high, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, high, crdt.ErrVersion, "version 2", "02 02 00")
	refuse(t, high, crdt.ErrCorrupt, "cut off", "01 02")
	refuse(t, high, crdt.ErrCorrupt, "limit does not fit", "01 ff ff ff ff ff ff ff ff ff 01 00")
	refuse(t, high, crdt.ErrCorrupt, "more items", "01 00 02 02 01 61")
	refuse(t, high, crdt.ErrCorrupt, "more keys than the limit", "01 01 02 02 01 61 02 01 62")
	refuse(t, high, crdt.ErrCorrupt, "not in order", "01 02 02 02 01 61 04 01 62")
	refuse(t, high, crdt.ErrCorrupt, "not in order", "01 02 02 02 01 62 02 01 61")
	refuse(t, high, crdt.ErrCorrupt, "not in order", "01 02 02 02 01 61 02 01 61")
	refuse(t, high, crdt.ErrCorrupt, "there twice", "01 02 02 04 01 61 02 01 61")
	refuse(t, high, crdt.ErrCorrupt, "does not fit", "01 02 01 80 02 01 61")
	refuse(t, high, crdt.ErrCorrupt, "left over", "01 02 01 02 01 61 00")
	refuse(t, low, crdt.ErrCorrupt, "not in order", "01 02 02 04 01 61 02 01 62")
	refuse(t, low, crdt.ErrCorrupt, "there twice", "01 02 02 02 01 61 04 01 61")
}

func FuzzTopK(f *testing.F) { fuzz(f, rankings(topKOf)...) }

func FuzzBottomK(f *testing.F) { fuzz(f, rankings(bottomKOf)...) }
