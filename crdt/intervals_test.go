package crdt_test

import (
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

// interval is an operation of Intervals, and what they show.
type interval struct{ start, end int64 }

func intervalsOf(all ...interval) (x crdt.Intervals) {
	for _, s := range all {
		x.Add(s.start, s.end)
	}
	return x
}

func shownIntervals(x *crdt.Intervals) (all []interval) {
	for start, end := range x.All() {
		all = append(all, interval{start, end})
	}
	return all
}

func intervalSamples() []crdt.Intervals {
	return []crdt.Intervals{
		intervalsOf(interval{0, 2}, interval{4, 5}, interval{7, 9}), intervalsOf(interval{0, 1}), intervalsOf(interval{0, 2}), intervalsOf(interval{1, 2}),
		intervalsOf(interval{2, 4}), intervalsOf(interval{-3, -1}, interval{1, 3}), intervalsOf(interval{0, 9}), intervalsOf(interval{5, 7}),
		intervalsOf(interval{math.MinInt64, math.MinInt64 + 2}), intervalsOf(interval{math.MaxInt64 - 2, math.MaxInt64}, interval{3, 4}),
	}
}

func TestIntervals(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.Intervals]{
		samples: intervalSamples(),
		random: func(r *rand.Rand) (x crdt.Intervals) {
			for range r.IntN(6) {
				start := r.Int64N(12) - 6
				x.Add(start, start+r.Int64N(4))
			}
			return x
		},
		updates: []func(*crdt.Intervals) crdt.Intervals{
			func(x *crdt.Intervals) crdt.Intervals { return x.Add(1, 5) },
			func(x *crdt.Intervals) crdt.Intervals { return x.Session(-3, 3) },
		},
		golden: "intervals",
		goldens: map[string]crdt.Intervals{
			"bottom": {}, "one": crdt.IntervalsOf(-1, 299), "three": intervalsOf(interval{7, 9}, interval{0, 2}, interval{4, 5}),
			"all": crdt.IntervalsOf(math.MinInt64, math.MaxInt64),
			"bounds": intervalsOf(
				interval{math.MinInt64, math.MinInt64 + 1}, interval{math.MaxInt64 - 1, math.MaxInt64}),
		},
		json: map[string]string{"bottom": "[]", "three": "[[0,2],[4,5],[7,9]]"},
	})
}

// instants is Intervals with the parts that cannot come apart further: single instants. They show that Delta is the least
// difference, though they are too many to be offered.
type instants struct{ crdt.Intervals }

func (x *instants) Merge(other *instants) bool { return x.Intervals.Merge(&other.Intervals) }

func (x *instants) Delta(since *instants) instants {
	return instants{x.Intervals.Delta(&since.Intervals)}
}

func (x *instants) Decompose() iter.Seq[instants] {
	return func(yield func(instants) bool) {
		for start, end := range x.All() {
			for ; start < end; start++ {
				if !yield(instants{crdt.IntervalsOf(start, start+1)}) {
					return
				}
			}
		}
	}
}

func TestIntervalsDeltaIsTheLeast(t *testing.T) {
	t.Parallel()
	var samples []instants
	for _, x := range intervalSamples() {
		samples = append(samples, instants{x})
	}
	crdttest.CheckDeltas(t, samples)
}

func TestIntervalsHistory(t *testing.T) {
	t.Parallel()
	const low, high = -4, 16
	type shown struct {
		intervals []interval
		length    uint64
		count     int
		around    map[int64]interval
		covers    map[interval]bool
	}
	checkHistory(t, history[crdt.Intervals, interval, shown]{
		op: rapid.Custom(func(t *rapid.T) interval {
			start := rapid.Int64Range(low, high-4).Draw(t, "start")
			return interval{start, start + rapid.Int64Range(-1, 4).Draw(t, "length")}
		}),
		apply: func(x *crdt.Intervals, _ string, op interval) crdt.Intervals {
			if op.end-op.start == 3 {
				return x.Session(op.start, 3)
			}
			return x.Add(op.start, op.end)
		},
		read: func(x *crdt.Intervals) shown {
			s := shown{shownIntervals(x), x.Length(), x.Len(), map[int64]interval{}, map[interval]bool{}}
			for at := int64(low - 1); at <= high; at++ {
				if start, end, ok := x.Around(at); ok {
					s.around[at] = interval{start, end}
				}
				for _, until := range []int64{at - 1, at, at + 1, at + 5} {
					if crdt.CoversInterval(at, until).Holds(x) {
						s.covers[interval{at, until}] = true
					}
				}
			}
			return s
		},
		reference: func(known []*event[interval]) shown {
			in := map[int64]bool{}
			for _, e := range known {
				for at := e.op.start; at < e.op.end; at++ {
					in[at] = true
				}
			}
			s := shown{length: uint64(len(in)), around: map[int64]interval{}, covers: map[interval]bool{}}
			for at := int64(low - 1); at <= high; at++ {
				start, end := at, at
				for ; in[start-1]; start-- {
				}
				for ; in[end]; end++ {
				}
				if in[at] {
					s.around[at] = interval{start, end}
				}
				if in[at] && !in[at-1] {
					s.intervals = append(s.intervals, interval{start, end})
					s.count++
				}
				for _, until := range []int64{at - 1, at, at + 1, at + 5} {
					if until <= end {
						s.covers[interval{at, until}] = true
					}
				}
			}
			return s
		},
	})
}

// TestIntervalsLarge compares with a bitmap, with enough intervals for several levels of the tree, while they become more, and
// then fewer.
func TestIntervalsLarge(t *testing.T) {
	t.Parallel()
	const size = 24_000
	for name, order := range map[string]func(r *rand.Rand) []int{
		"random":     func(r *rand.Rand) []int { return r.Perm(size) },
		"ascending":  func(*rand.Rand) []int { return ascending(size) },
		"descending": func(*rand.Rand) []int { all := ascending(size); slices.Reverse(all); return all },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			var x, half, deltas crdt.Intervals
			in := make([]bool, size+2)
			for _, even := range []bool{true, false} { // instants apart, then the holes
				for i, at := range order(r) {
					if (at%2 == 0) != even {
						continue
					}
					end := at + 1
					if !even && i%5 == 0 { // and some that swallow several
						end = min(at+r.IntN(300), size)
					}
					d := x.Add(int64(at), int64(end))
					deltas.Merge(&d)
					for ; at < end; at++ {
						in[at] = true
					}
					if i%4000 == 0 {
						checkBitmap(t, &x, in)
					}
				}
				checkBitmap(t, &x, in)
				checkBitmap(t, &deltas, in)
				if even {
					half.Merge(&x)
				}
			}
			d := x.Delta(&half)
			if d.Length() != x.Length()-half.Length() {
				t.Errorf("the delta has %d instants, want %d", d.Length(), x.Length()-half.Length())
			}
			if half.Merge(&d); encode(t, &half) != encode(t, &x) {
				t.Error("half and the delta are not the whole")
			}
		})
	}
}

func ascending(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func checkBitmap(t *testing.T, x *crdt.Intervals, in []bool) {
	t.Helper()
	var want []interval
	length := uint64(0)
	for at, there := range in {
		if _, _, ok := x.Around(int64(at)); ok != there {
			t.Fatalf("covers %d: %v, want %v", at, ok, there)
		}
		switch {
		case !there:
			continue
		case at > 0 && in[at-1]:
			want[len(want)-1].end++
		default:
			want = append(want, interval{int64(at), int64(at + 1)})
		}
		length++
	}
	if got := shownIntervals(x); !slices.Equal(got, want) || x.Len() != len(want) || x.Length() != length {
		t.Fatalf("%d intervals (%d by Len) of %d instants, want %d of %d", len(got), x.Len(), x.Length(), len(want), length)
	}
}

func TestIntervalsAtTheBounds(t *testing.T) {
	t.Parallel()
	x := crdt.IntervalsOf(math.MinInt64, math.MaxInt64)
	if x.Length() != math.MaxUint64 || !crdt.LengthAtLeast(math.MaxUint64).Holds(&x) {
		t.Errorf("all instants are %d", x.Length())
	}
	if crdt.CoversInstant(math.MaxInt64).Holds(&x) || !crdt.CoversInstant(math.MaxInt64-1).Holds(&x) || !crdt.CoversInstant(math.MinInt64).Holds(&x) {
		t.Error("the largest int64 is no instant, its neighbour and the smallest are")
	}
	for name, empty := range map[string]crdt.Intervals{
		"IntervalsOf(3, 3)": crdt.IntervalsOf(3, 3), "IntervalsOf(3, 2)": crdt.IntervalsOf(3, 2),
		"Session of gap 0": session(5, 0), "of gap -1": session(math.MinInt64, -1), "at the largest instant": session(math.MaxInt64, 9),
	} {
		if empty.Length() != 0 || empty.Len() != 0 || empty != (crdt.Intervals{}) {
			t.Errorf("%s has %v", name, shownIntervals(&empty))
		}
	}
	for _, gap := range []int64{5, 6, math.MaxInt64} {
		late := session(math.MaxInt64-5, gap)
		if got := shownIntervals(&late); !slices.Equal(got, []interval{{math.MaxInt64 - 5, math.MaxInt64}}) {
			t.Errorf("a session of gap %d near the end of time is %v", gap, got)
		}
	}
}

func session(at, gap int64) (x crdt.Intervals) {
	x.Session(at, gap)
	return x
}

func TestIntervalsUpSetsAreUpwardClosed(t *testing.T) {
	t.Parallel()
	for _, u := range []crdt.UpSet[crdt.Intervals]{
		crdt.CoversInstant(0), crdt.CoversInstant(4), crdt.CoversInstant(math.MinInt64), crdt.CoversInterval(0, 2), crdt.CoversInterval(1, 8),
		crdt.CoversInterval(5, 5), crdt.CoversInterval(5, 4), crdt.LengthAtLeast(0), crdt.LengthAtLeast(2), crdt.LengthAtLeast(5),
	} {
		crdttest.CheckUpSet(t, u, intervalSamples())
	}
	for _, bad := range []crdt.UpSet[crdt.Intervals]{
		crdt.AssertUpSet("two sessions", func(x *crdt.Intervals) bool { return x.Len() >= 2 }),
		crdt.AssertUpSet("the session of 0 ended at 2", func(x *crdt.Intervals) bool { _, end, ok := x.Around(0); return ok && end == 2 }),
	} {
		if crdttest.UpwardClosed(bad, intervalSamples()) == nil {
			t.Errorf("%s was not refuted", bad)
		}
	}
}

func TestIntervalsOfOneAreSmall(t *testing.T) {
	t.Parallel()
	if size := unsafe.Sizeof(crdt.Intervals{}); size > 32 {
		t.Errorf("Intervals has %d bytes, more than 32: there is one for each key", size)
	}
}

//nolint:paralleltest // AllocsPerRun must not run at the same time as other tests
func TestIntervalsSessionInOrderDoesNotAllocate(t *testing.T) {
	var x, y crdt.Intervals
	at := int64(0)
	if n := testing.AllocsPerRun(100, func() { at++; d := x.Session(at, 10); y.Merge(&d) }); n != 0 {
		t.Errorf("an event that prolongs the last session allocates %v times", n)
	}
}

// What the documentation says that intervals take, and that memory is given back when they become fewer.
//
//nolint:paralleltest // it measures memory, which other tests would disturb
func TestIntervalsMemory(t *testing.T) {
	const n = 100_000
	for name, c := range map[string]struct {
		at    func(i int) int64
		bytes float64
	}{
		"ascending":  {func(i int) int64 { return 2 * int64(i) }, 18},
		"descending": {func(i int) int64 { return -2 * int64(i) }, 18},
		"scattered":  {func(i int) int64 { return int64(scattered(i)) }, 26},
	} {
		before := heap()
		var x crdt.Intervals
		for i := range n {
			x.Add(c.at(i), c.at(i)+1)
		}
		if each := float64(heap()-before) / n; each > c.bytes || x.Len() != n {
			t.Errorf("%s: an interval takes %.1f bytes, want %v at most", name, each, c.bytes)
		}
		if name == "scattered" {
			continue
		}
		low := min(c.at(0), c.at(n-1))
		for i := range int64(n / 64) { // makes one of 63, and one is left between any two of those
			x.Add(low+128*i, low+128*i+125)
		}
		if each := float64(heap()-before) / float64(x.Len()); each > 80 || x.Len() > n/30 {
			t.Errorf("%s: of %d intervals that are left of %d, each takes %.1f bytes", name, x.Len(), n, each)
		}
	}
}

func TestIntervalsRefuse(t *testing.T) {
	t.Parallel()
	x := crdt.IntervalsOf(0, 5)
	refuse(t, x, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, x, crdt.ErrVersion, "version 2", "02 00")
	refuse(t, x, crdt.ErrCorrupt, "cut off", "01")
	refuse(t, x, crdt.ErrCorrupt, "more items", "01 02 00 01 01")
	refuse(t, x, crdt.ErrCorrupt, "length or a hole is 0", "01 01 00 00")
	refuse(t, x, crdt.ErrCorrupt, "length or a hole is 0", "01 02 00 01 00 01")
	refuse(t, x, crdt.ErrCorrupt, "length or a hole is 0", "01 02 00 01 01 00")
	refuse(t, x, crdt.ErrCorrupt, "exceeds", "01 01 00 80 80 80 80 80 80 80 80 80 01")
	refuse(t, x, crdt.ErrCorrupt, "exceeds", "01 01 fe ff ff ff ff ff ff ff ff 01 01")
	refuse(t, x, crdt.ErrCorrupt, "exceeds", "01 02 00 01 ff ff ff ff ff ff ff ff 7f 01")
	refuse(t, x, crdt.ErrCorrupt, "cut off", "01 01 00 80")
	refuse(t, x, crdt.ErrCorrupt, "left over", "01 00 00")
}

func FuzzIntervals(f *testing.F) { fuzz(f, intervalSamples()...) }

// scattered are different numbers in no order.
func scattered(i int) uint64 { return uint64(i+1) * 0x9e3779b97f4a7c15 }
