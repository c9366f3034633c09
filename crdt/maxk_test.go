package crdt_test

import (
	"cmp"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

func maxKSamples() []crdt.MaxK[int8] {
	return []crdt.MaxK[int8]{
		crdt.MaxKOf[int8](2, 5, 3), crdt.MaxKOf[int8](2), crdt.MaxKOf[int8](2, 5), crdt.MaxKOf[int8](2, 4, 3), crdt.MaxKOf[int8](2, 1, 0, -1),
		crdt.MaxKOf[int8](1), crdt.MaxKOf[int8](1, 4), crdt.MaxKOf[int8](3, 5, 4, 1), crdt.MaxKOf[int8](3, 2, 3), crdt.MaxKOf[int8](0, 9, 3, 1, 0),
	}
}

func minKSamples() []crdt.MinK[int8] {
	return []crdt.MinK[int8]{
		crdt.MinKOf[int8](2, 3, 5), crdt.MinKOf[int8](2), crdt.MinKOf[int8](2, 5), crdt.MinKOf[int8](2, 4, 3), crdt.MinKOf[int8](2, 1, 0, -1),
		crdt.MinKOf[int8](1), crdt.MinKOf[int8](1, 4), crdt.MinKOf[int8](3, 5, 4, 1), crdt.MinKOf[int8](0, 9, 3, 1, 0),
	}
}

func TestMaxK(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.MaxK[int8]]{
		samples: maxKSamples(),
		random: func(r *rand.Rand) crdt.MaxK[int8] {
			m := crdt.NewMaxK[int8](r.IntN(4))
			for range r.IntN(5) {
				m.Add(int8(r.IntN(7) - 3))
			}
			return m
		},
		updates: []func(*crdt.MaxK[int8]) crdt.MaxK[int8]{
			func(m *crdt.MaxK[int8]) crdt.MaxK[int8] { return m.Add(4) },
			func(m *crdt.MaxK[int8]) crdt.MaxK[int8] { return m.Add(2) },
		},
		golden: "maxk_int8",
		goldens: map[string]crdt.MaxK[int8]{
			"bottom": {}, "limit": crdt.NewMaxK[int8](300), "three": crdt.MaxKOf[int8](3, -1, 64, 0, -2), "no limit": crdt.MaxKOf[int8](-5, 1, 2),
		},
		json: map[string]string{
			"bottom": `{"k":null,"values":[]}`, "limit": `{"k":300,"values":[]}`, "three": `{"k":3,"values":[64,0,-1]}`,
			"no limit": `{"k":null,"values":[2,1]}`,
		},
	})
}

func TestMinK(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.MinK[int8]]{
		samples: minKSamples(),
		random: func(r *rand.Rand) crdt.MinK[int8] {
			m := crdt.NewMinK[int8](r.IntN(4))
			for range r.IntN(5) {
				m.Add(int8(r.IntN(7) - 3))
			}
			return m
		},
		updates: []func(*crdt.MinK[int8]) crdt.MinK[int8]{
			func(m *crdt.MinK[int8]) crdt.MinK[int8] { return m.Add(4) },
			func(m *crdt.MinK[int8]) crdt.MinK[int8] { return m.Add(2) },
		},
		golden: "mink_int8",
		goldens: map[string]crdt.MinK[int8]{
			"bottom": {}, "limit": crdt.NewMinK[int8](1), "three": crdt.MinKOf[int8](3, -1, 64, 0, -2), "no limit": crdt.MinKOf[int8](0, 2, 1),
		},
		json: map[string]string{"bottom": `{"k":null,"values":[]}`, "three": `{"k":3,"values":[-2,-1,0]}`, "limit": `{"k":1,"values":[]}`},
	})
}

// shownK is what a MaxK or a MinK shows.
type shownK struct {
	values  []int8
	reached [7]bool // whether the k-th is as good as -3, …, 3
}

// bestValues is the reference: sort, drop equals, cut.
func bestValues(known []*event[int8], k int, rank func(a, b int8) int) (s shownK) {
	for _, e := range known {
		s.values = append(s.values, e.op)
	}
	slices.SortFunc(s.values, rank)
	s.values = slices.Compact(s.values)
	if len(s.values) >= k {
		s.values = s.values[:k]
		for i := range s.reached {
			s.reached[i] = rank(s.values[k-1], int8(i-3)) <= 0
		}
	}
	return s
}

func TestMaxKHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[crdt.MaxK[int8], int8, shownK]{
		op: rapid.Int8Range(-3, 3),
		apply: func(m *crdt.MaxK[int8], _ string, op int8) crdt.MaxK[int8] {
			limit := crdt.NewMaxK[int8](3)
			m.Merge(&limit)
			return m.Add(op)
		},
		read: func(m *crdt.MaxK[int8]) shownK {
			s := shownK{values: slices.Collect(m.All())}
			for i := range s.reached {
				s.reached[i] = crdt.KthLargestAtLeast(int8(i - 3)).Holds(m)
			}
			return s
		},
		reference: func(known []*event[int8]) shownK {
			return bestValues(known, 3, func(a, b int8) int { return cmp.Compare(b, a) })
		},
	})
}

func TestMinKHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[crdt.MinK[int8], int8, shownK]{
		op: rapid.Int8Range(-3, 3),
		apply: func(m *crdt.MinK[int8], _ string, op int8) crdt.MinK[int8] {
			limit := crdt.NewMinK[int8](3)
			m.Merge(&limit)
			return m.Add(op)
		},
		read: func(m *crdt.MinK[int8]) shownK {
			s := shownK{values: slices.Collect(m.All())}
			for i := range s.reached {
				s.reached[i] = crdt.KthSmallestAtMost(int8(i - 3)).Holds(m)
			}
			return s
		},
		reference: func(known []*event[int8]) shownK { return bestValues(known, 3, cmp.Compare[int8]) },
	})
}

func TestMaxKUpSetsAreUpwardClosed(t *testing.T) {
	t.Parallel()
	for _, v := range []int8{-128, 0, 3, 4} {
		crdttest.CheckUpSet(t, crdt.KthLargestAtLeast(v), maxKSamples())
	}
	for _, v := range []int8{0, 3, 5, 127} {
		crdttest.CheckUpSet(t, crdt.KthSmallestAtMost(v), minKSamples())
	}
	for _, bad := range []crdt.UpSet[crdt.MaxK[int8]]{
		crdt.AssertUpSet("3 is among the k", func(m *crdt.MaxK[int8]) bool {
			return slices.Contains(slices.Collect(m.All()), 3)
		}),
		crdt.AssertUpSet("3 values, whatever k is", func(m *crdt.MaxK[int8]) bool { return m.Len() >= 3 }),
	} {
		if crdttest.UpwardClosed(bad, maxKSamples()) == nil {
			t.Errorf("%s was not refuted", bad)
		}
	}
}

// larger is a MaxK that keeps the larger k, as one may be tempted to.
type larger struct {
	k      int
	values []int
}

func (x larger) merge(y larger) larger {
	z := larger{k: max(x.k, y.k), values: slices.Concat(x.values, y.values)}
	slices.SortFunc(z.values, func(a, b int) int { return cmp.Compare(b, a) })
	z.values = slices.Compact(z.values)
	z.values = z.values[:min(z.k, len(z.values))]
	return z
}

func TestMaxKKeepsTheSmallerK(t *testing.T) {
	t.Parallel()
	// The larger k is not associative.
	x, y, z := larger{1, []int{3}}, larger{1, []int{2}}, larger{2, []int{1}}
	left, right := x.merge(y).merge(z), x.merge(y.merge(z))
	if !slices.Equal(left.values, []int{3, 1}) || !slices.Equal(right.values, []int{3, 2}) {
		t.Errorf("got %v and %v, want the values 3 1 and 3 2", left, right)
	}
	// The smaller one is, also when it comes last.
	a, b, c := crdt.MaxKOf(1, 3), crdt.MaxKOf(1, 2), crdt.MaxKOf(2, 1)
	if a.Merge(&b); a.Merge(&c) || a.K() != 1 || !slices.Equal(slices.Collect(a.All()), []int{3}) {
		t.Errorf("got %v of k = %d", slices.Collect(a.All()), a.K())
	}
	if !c.Merge(&b) || c.K() != 1 || !slices.Equal(slices.Collect(c.All()), []int{2}) {
		t.Errorf("got %v of k = %d", slices.Collect(c.All()), c.K())
	}
	// The zero value takes the k of the other, and keeps everything until then.
	var zero crdt.MaxK[int]
	for _, v := range []int{7, 9, 8, 6} {
		zero.Add(v)
	}
	if zero.K() != 0 || zero.Len() != 4 {
		t.Errorf("without a k it keeps %d of 4 values", zero.Len())
	}
	if two := crdt.NewMaxK[int](2); !zero.Merge(&two) || zero.K() != 2 || !slices.Equal(slices.Collect(zero.All()), []int{9, 8}) {
		t.Errorf("got %v of k = %d", slices.Collect(zero.All()), zero.K())
	}
	if d := zero.Add(8); d.K() != 0 {
		t.Error("a value that was there gave a delta")
	}
	if d := zero.Add(1); d.K() != 0 {
		t.Error("a value that is too small gave a delta")
	}
}

// The lattice is not distributive, so that its values have no unique parts, and there may be no least delta in the sense of
// Decomposable. There is a least one that gives the same merge, and that is Delta.
func TestMaxKDeltas(t *testing.T) {
	t.Parallel()
	of := func(vs ...int) crdt.MaxK[int] { return crdt.MaxKOf(2, vs...) }
	one, two, three := of(1), of(2), of(3)
	both := of(2, 3)
	if !crdt.Below(&one, &both) || crdt.Below(&one, &two) || crdt.Below(&one, &three) {
		t.Error("want {1} below the merge of {2} and {3}, and below neither")
	}
	// {1} and {3} bring {2} above {1}. Nothing below both does.
	if d := crdt.Clone(&two); !d.Merge(&three) || !crdt.Below(&one, &d) || crdt.Below(&one, &three) || crdt.Below(&three, &one) {
		t.Error("want {1} and {3} to be two deltas, neither below the other")
	}
	// All values of k = 2 over four numbers, which are all subsets of two at most.
	all := []crdt.MaxK[int]{of()}
	for i := range 4 {
		all = append(all, of(i))
		for j := range i {
			all = append(all, of(i, j))
		}
	}
	for i := range all {
		for j := range all {
			x, since := &all[i], &all[j]
			want := crdt.Clone(since)
			want.Merge(x)
			d := x.Delta(since)
			for k := range all {
				got := crdt.Clone(since)
				if got.Merge(&all[k]); encode(t, &got) == encode(t, &want) && !crdt.Below(&d, &all[k]) {
					t.Errorf("the delta of %v since %v is %v, and %v will do", x, since, d, all[k])
				}
			}
		}
	}
}

// parted is MaxK with a Decompose into values.
type parted struct{ crdt.MaxK[int] }

func (x *parted) Merge(other *parted) bool { return x.MaxK.Merge(&other.MaxK) }

func (x *parted) Delta(since *parted) parted { return parted{x.MaxK.Delta(&since.MaxK)} }

func (x *parted) Decompose() iter.Seq[parted] {
	return func(yield func(parted) bool) {
		for v := range x.All() {
			if !yield(parted{crdt.MaxKOf(x.K(), v)}) {
				return
			}
		}
	}
}

// If its values came apart, the merge of the parts that are new would be the least delta. It is not: of {5, 1} since {3}, the 1 is new
// but not in the merge.
func TestMaxKDoesNotDecompose(t *testing.T) {
	t.Parallel()
	samples := []parted{{crdt.MaxKOf(2, 5, 1)}, {crdt.MaxKOf(2, 3)}}
	err := crdttest.Deltas(samples)
	if v, ok := errors.AsType[*crdttest.Violation](err); !ok || v.Law != crdttest.LawDelta {
		t.Errorf("got %v", err)
	}
	d := samples[0].Delta(&samples[1])
	if !slices.Equal(slices.Collect(d.All()), []int{5}) {
		t.Errorf("the delta has %v", slices.Collect(d.All()))
	}
}

// checkSameMerge checks that the delta of each of the samples since each other gives the same merge, and is bottom where the
// merge changes nothing.
func checkSameMerge[L any, P interface {
	crdt.Lattice[L]
	Delta(since *L) L
}](t *testing.T, samples []L) {
	t.Helper()
	samples = append(samples, *new(L))
	for i := range samples {
		for j := range samples {
			want, got := crdt.Clone[L, P](&samples[j]), crdt.Clone[L, P](&samples[j])
			grew := P(&want).Merge(&samples[i])
			d := P(&samples[i]).Delta(&samples[j])
			if P(&got).Merge(&d) != grew || encode[L, P](t, &got) != encode[L, P](t, &want) {
				t.Errorf("%v merged with the delta of %v is %v, want %v", samples[j], samples[i], got, want)
			}
			if empty := encode[L, P](t, &d) == encode[L, P](t, new(L)); empty == grew {
				t.Errorf("the delta of %v since %v is %v", samples[i], samples[j], d)
			}
		}
	}
}

func TestMaxKDeltasOfSamples(t *testing.T) {
	t.Parallel()
	checkSameMerge(t, maxKSamples())
	checkSameMerge(t, minKSamples())
}

// TestMaxKLarge compares with a sorted slice, with enough values for several levels of the tree.
func TestMaxKLarge(t *testing.T) {
	t.Parallel()
	const k, n = 7000, 25_000
	r := rand.New(rand.NewPCG(3, 4))
	most, least := crdt.NewMaxK[uint32](k), crdt.NewMinK[uint32](k)
	var all []uint32
	for range n {
		v := r.Uint32N(20_000)
		all = append(all, v)
		most.Add(v)
		least.Add(v)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if got := slices.Collect(least.All()); !slices.Equal(got, all[:k]) {
		t.Error("the smallest differ")
	}
	smaller := crdt.MaxKOf[uint32](k-1, 19_999, 5)
	if !most.Merge(&smaller) || most.Len() != k-1 {
		t.Errorf("a smaller k leaves %d values", most.Len())
	}
	slices.Reverse(all)
	if got := slices.Collect(most.All()); !slices.Equal(got, all[:k-1]) {
		t.Error("the largest differ")
	}
}

func TestMaxKRefuses(t *testing.T) {
	t.Parallel()
	high, low := crdt.MaxKOf[int8](2, 1), crdt.MinKOf[int8](2, 1)
	refuse(t, high, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, high, crdt.ErrVersion, "version 2", "02 02 00")
	refuse(t, high, crdt.ErrCorrupt, "cut off", "01")
	refuse(t, high, crdt.ErrCorrupt, "limit does not fit", "01 ff ff ff ff ff ff ff ff ff 01 00")
	refuse(t, high, crdt.ErrCorrupt, "more items", "01 00 03 02 04")
	refuse(t, high, crdt.ErrCorrupt, "more values than the limit", "01 01 02 04 02")
	refuse(t, high, crdt.ErrCorrupt, "not in order", "01 02 02 02 04")
	refuse(t, high, crdt.ErrCorrupt, "not in order", "01 02 02 02 02")
	refuse(t, high, crdt.ErrCorrupt, "does not fit", "01 02 01 80 02")
	refuse(t, high, crdt.ErrCorrupt, "left over", "01 02 01 02 02")
	refuse(t, low, crdt.ErrCorrupt, "not in order", "01 02 02 04 02")
	refuse(t, low, crdt.ErrCorrupt, "not in order", "01 02 02 02 02")
	refuse(t, low, crdt.ErrCorrupt, "more values than the limit", "01 01 02 02 04")
}

func FuzzMaxK(f *testing.F) { fuzz(f, maxKSamples()...) }

func FuzzMinK(f *testing.F) { fuzz(f, minKSamples()...) }
