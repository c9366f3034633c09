package sketch_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/sketch"
	"pgregory.net/rapid"
)

// quantiles counts each of some values once for an origin.
func quantiles(origin string, values ...int64) (q sketch.Quantiles) {
	for _, v := range values {
		q.Add(origin, v, 1)
	}
	return q
}

func merged[L any, P crdt.Lattice[L]](all ...L) (x L) {
	for i := range all {
		P(&x).Merge(&all[i])
	}
	return x
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	full := quantiles("a", 5)
	full.Add("a", 5, math.MaxUint64)
	wide := sketch.Quantiles{}
	for i := range 2500 { // more bins than are listed
		wide.Add("a", int64(1)<<(i%56)*int64(64+i/56), 2)
	}
	check(t, suite[sketch.Quantiles]{
		samples: []sketch.Quantiles{
			quantiles("a", 1), quantiles("a", 1, 1), quantiles("b", 1), quantiles("", -5, 5, 1000), quantiles("a", 200, 201),
			merged(quantiles("a", 1), quantiles("b", 2, 3)), full, wide, quantiles("a", math.MinInt64, math.MaxInt64),
		},
		random: func(r *rand.Rand) (q sketch.Quantiles) {
			for range r.IntN(20) {
				q.Add(string(rune('a'+r.IntN(3))), int64(r.IntN(400)-200), uint64(r.IntN(4)))
			}
			return q
		},
		rounds: 50,
		golden: "quantiles",
		goldens: map[string]sketch.Quantiles{
			"bottom": {}, "one": quantiles("shard-7", 0), "edges": quantiles("a", math.MinInt64, -128, -127, 127, 128, 129, 130, math.MaxInt64),
			"two origins": merged(quantiles("b", 1000, 1000), quantiles("", 1000)), "full": full,
		},
		json: map[string]string{
			"bottom": `{"count":0}`, "one": `{"count":1,"min":0,"p50":0,"p90":0,"p99":0,"max":0}`,
			"two origins": `{"count":3,"min":1004,"p50":1004,"p90":1004,"p99":1004,"max":1004}`,
		},
		upSets: []crdt.UpSet[sketch.Quantiles]{
			sketch.ValuesAtLeast(0, 1), sketch.ValuesAtLeast(201, 1), sketch.ValuesAtLeast(-1000, 3), sketch.ValuesAtMost(0, 1),
			sketch.ValuesAtMost(5, 2), sketch.ValuesAtLeast(math.MaxInt64, 0), sketch.ValuesAtMost(math.MinInt64, 1), sketch.ValuesAtMost(5, math.MaxUint64),
		},
	})
}

// binned is the middle of the bin of v, found by halving: an exact half is rounded away from 0.
func binned(v int64) int64 {
	if v < 0 {
		if v == math.MinInt64 {
			return -math.MaxInt64
		}
		return -binned(-v)
	}
	step := int64(1)
	for v/step > 127 {
		step *= 2
	}
	return v/step*step + step/2
}

func TestQuantilesHistory(t *testing.T) {
	t.Parallel()
	type op struct {
		v int64
		n uint64
	}
	fractions := []float64{0, 0.1, 0.5, 0.77, 1}
	checkHistory(t, history[sketch.Quantiles, op, []int64]{
		ops: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) op {
			return op{rapid.SampledFrom([]int64{-700, -3, 0, 9, 255, 256, 259, 260, 1 << 40, math.MaxInt64}).Draw(t, "v"), rapid.Uint64Range(0, 3).Draw(t, "n")}
		}), 1, 3),
		carries: func(earlier, op op) bool { return binned(earlier.v) == binned(op.v) },
		apply:   func(q *sketch.Quantiles, origin string, op op) sketch.Quantiles { return q.Add(origin, op.v, op.n) },
		read: func(q *sketch.Quantiles) (all []int64) {
			all = append(all, int64(q.Count()))
			for _, f := range fractions {
				if v, ok := q.Quantile(f); ok {
					all = append(all, v)
				}
			}
			return all
		},
		reference: func(known []event[op]) (all []int64) {
			var values []int64
			for _, e := range known {
				for range e.op.n {
					values = append(values, binned(e.op.v))
				}
			}
			slices.Sort(values)
			all = append(all, int64(len(values)))
			for _, f := range fractions {
				if len(values) > 0 {
					all = append(all, values[int(f*float64(len(values)-1))])
				}
			}
			return all
		},
	})
}

// TestQuantilesError compares with the values themselves, sorted: the bound holds always, not just mostly.
func TestQuantilesError(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) int64 {
			return rapid.Int64().Draw(t, "v") >> rapid.IntRange(0, 63).Draw(t, "shift")
		}), 1, 100).Draw(t, "values")
		q := quantiles("a", values...)
		slices.Sort(values)
		f := rapid.OneOf(rapid.Float64Range(0, 1), rapid.SampledFrom([]float64{0, 0.5, 1, -1, 2, math.NaN(), math.Inf(1)})).Draw(t, "f")
		got, ok := q.Quantile(f)
		at := 0
		if f > 0 {
			at = int(min(f, 1) * float64(len(values)-1))
		}
		want := values[at]
		if !ok || math.Abs(float64(got)-float64(want)) > math.Abs(float64(want))/128 {
			t.Fatalf("the quantile %v of %v is %d, want %d", f, values, got, want)
		}
		checkThresholds(t, &q, values)
	})
}

// checkThresholds compares the thresholds at each value and around it with the values.
func checkThresholds(t *rapid.T, q *sketch.Quantiles, values []int64) {
	t.Helper()
	for _, x := range values {
		for _, v := range []int64{x, x + 1, x - 1} {
			var least, most, surelyLeast, surelyMost uint64 // surely: further away than a bin is wide
			for _, y := range values {
				off := math.Abs(float64(v)) / 64
				if y >= v {
					least++
				}
				if y <= v {
					most++
				}
				if float64(y) > float64(v)+off {
					surelyLeast++
				}
				if float64(y) < float64(v)-off {
					surelyMost++
				}
			}
			if sketch.ValuesAtLeast(v, least+1).Holds(q) || !sketch.ValuesAtLeast(v, surelyLeast).Holds(q) {
				t.Fatalf("of values >= %d there are %d, surely %d, in %v", v, least, surelyLeast, values)
			}
			if sketch.ValuesAtMost(v, most+1).Holds(q) || !sketch.ValuesAtMost(v, surelyMost).Holds(q) {
				t.Fatalf("of values <= %d there are %d, surely %d, in %v", v, most, surelyMost, values)
			}
		}
	}
}

// TestQuantilesBins goes through all small values, all edges of bins and random values.
func TestQuantilesBins(t *testing.T) {
	t.Parallel()
	values := []int64{math.MinInt64, math.MinInt64 + 1, math.MaxInt64}
	for v := range int64(1 << 12) {
		values = append(values, v, -v)
	}
	for shift := range 56 {
		for u := int64(64); u < 128; u++ {
			values = append(values, u<<shift, u<<shift-1, -u<<shift, -u<<shift+1)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 10_000 {
		values = append(values, r.Int64()>>r.IntN(64), -r.Int64()>>r.IntN(64))
	}
	slices.Sort(values)
	last := int64(math.MinInt64)
	for _, v := range values {
		q := quantiles("a", v)
		got, _ := q.Quantile(0.5)
		if got != binned(v) || got < last || v > -128 && v < 128 && got != v {
			t.Fatalf("%d is binned as %d, want %d, after %d", v, got, binned(v), last)
		}
		last = got
	}
}

func TestQuantilesSaturate(t *testing.T) {
	t.Parallel()
	q := quantiles("a", 1, 2)
	q.Add("a", 1, math.MaxUint64)
	if delta := q.Add("a", 1, 1); delta.Count() != 0 {
		t.Error("a full count has a delta")
	}
	q.Add("b", 3, math.MaxUint64)
	high, _ := q.Quantile(1)
	if low, ok := q.Quantile(0); !ok || low != 1 || high < 1 || q.Count() != math.MaxUint64 {
		t.Errorf("from %d to %d of %d", low, high, q.Count())
	}
	if delta := q.Add("c", 1, 0); delta.Count() != 0 {
		t.Error("to count nothing leaves a trace")
	}
}

func TestQuantilesOfNothing(t *testing.T) {
	t.Parallel()
	var q sketch.Quantiles
	if v, ok := q.Quantile(0.5); ok {
		t.Errorf("the median of nothing is %d", v)
	}
	if q.Add("a", 1, 0); encode(t, &q) != "\x01\x00" {
		t.Errorf("to count nothing leaves a trace: %x", encode(t, &q))
	}
}

func TestDecomposeStops(t *testing.T) {
	t.Parallel()
	q, f := merged(quantiles("a", 1, 2), quantiles("b", 1)), frequencies[patch]("a", "1", "2", "3", "4", "5")
	for stop := range 3 {
		n := 0
		for range q.Decompose() {
			if n++; n > stop {
				break
			}
		}
		for range f.Decompose() {
			if n++; n > 2*stop {
				break
			}
		}
	}
}

func TestQuantilesRefuse(t *testing.T) {
	t.Parallel()
	q := quantiles("a", 1, 2)
	refuse(t, q, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, q, crdt.ErrVersion, "version 2", "\x02\x00")
	refuse(t, q, crdt.ErrCorrupt, "more items", "\x01\x01\x00")
	refuse(t, q, crdt.ErrCorrupt, "more items", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01a\x01\x80\x20\x01")
	refuse(t, q, crdt.ErrCorrupt, "more items", "\x01\x01\x01a\x02\x80\x20\x01")
	refuse(t, q, crdt.ErrCorrupt, "more items", "\x01\x01\x05a\x01\x80\x20")
	refuse(t, q, crdt.ErrCorrupt, "no counts", "\x01\x01\x01a\x00\x80\x20")
	refuse(t, q, crdt.ErrCorrupt, "count is 0", "\x01\x01\x01a\x01\x80\x20\x00")
	refuse(t, q, crdt.ErrCorrupt, "not ascending", "\x01\x02\x01b\x01\x80\x20\x01\x01a\x01\x80\x20\x01")
	refuse(t, q, crdt.ErrCorrupt, "not ascending", "\x01\x02\x01a\x01\x80\x20\x01\x01a\x01\x80\x20\x01")
	refuse(t, q, crdt.ErrCorrupt, "too large", "\x01\x01\x01a\x01\x80\x3d\x01") // 7808
	refuse(t, q, crdt.ErrCorrupt, "too large", "\x01\x01\x01a\x02\xff\x3c\x01\x00\x01")
	refuse(t, q, crdt.ErrCorrupt, "too large", "\x01\x01\x01a\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01")
	refuse(t, q, crdt.ErrCorrupt, "too small", "\x01\x01\x01a\x01\xff\x02\x01") // 383
	refuse(t, q, crdt.ErrCorrupt, "shortest form", "\x01\x01\x01a\x01\x80\x20\x81\x00")
	refuse(t, q, crdt.ErrCorrupt, "left over", "\x01\x01\x01a\x01\x80\x20\x01\x00")
}

func FuzzQuantiles(f *testing.F) {
	fuzz(f, quantiles("a", 1, 2), merged(quantiles("a", -1, 1<<40), quantiles("", 7)))
}
