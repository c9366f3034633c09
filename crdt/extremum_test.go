package crdt_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

func TestMax(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.Max[int]]{
		samples: []crdt.Max[int]{crdt.MaxOf(0), crdt.MaxOf(-1), crdt.MaxOf(3), crdt.MaxOf(math.MinInt), crdt.MaxOf(math.MaxInt)},
		random:  func(r *rand.Rand) crdt.Max[int] { return crdt.MaxOf(r.IntN(5) - 2) },
		updates: []func(*crdt.Max[int]) crdt.Max[int]{
			func(m *crdt.Max[int]) crdt.Max[int] { return m.Add(2) },
			func(m *crdt.Max[int]) crdt.Max[int] { return m.Add(-5) },
		},
		upSets: []crdt.UpSet[crdt.Max[int]]{crdt.MaxAtLeast(3), crdt.MaxAtLeast(math.MinInt)},
		golden: "max_int",
		goldens: map[string]crdt.Max[int]{
			"bottom": {}, "0": crdt.MaxOf(0), "-1": crdt.MaxOf(-1), "1": crdt.MaxOf(1), "150": crdt.MaxOf(150),
			"smallest": crdt.MaxOf(math.MinInt), "largest": crdt.MaxOf(math.MaxInt),
		},
		json: map[string]string{"bottom": "null", "0": "0", "-1": "-1"},
	})
}

func TestMin(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.Min[uint8]]{
		samples: []crdt.Min[uint8]{crdt.MinOf[uint8](0), crdt.MinOf[uint8](1), crdt.MinOf[uint8](3), crdt.MinOf[uint8](255)},
		random:  func(r *rand.Rand) crdt.Min[uint8] { return crdt.MinOf(uint8(r.IntN(5))) },
		updates: []func(*crdt.Min[uint8]) crdt.Min[uint8]{
			func(m *crdt.Min[uint8]) crdt.Min[uint8] { return m.Add(2) },
			func(m *crdt.Min[uint8]) crdt.Min[uint8] { return m.Add(200) },
		},
		upSets:  []crdt.UpSet[crdt.Min[uint8]]{crdt.MinAtMost[uint8](3), crdt.MinAtMost[uint8](255)},
		golden:  "min_uint8",
		goldens: map[string]crdt.Min[uint8]{"bottom": {}, "0": crdt.MinOf[uint8](0), "127": crdt.MinOf[uint8](127), "255": crdt.MinOf[uint8](255)},
		json:    map[string]string{"bottom": "null", "0": "0", "255": "255"},
	})
}

func TestMaxHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[crdt.Max[int8], int8, []int8]{
		op:    rapid.Int8(),
		apply: func(m *crdt.Max[int8], _ string, op int8) crdt.Max[int8] { return m.Add(op) },
		read:  func(m *crdt.Max[int8]) []int8 { return seen(m.Value()) },
		reference: func(known []*event[int8]) (largest []int8) {
			for i, e := range known {
				if i == 0 || e.op > largest[0] {
					largest = []int8{e.op}
				}
			}
			return largest
		},
	})
}

func TestMinHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[crdt.Min[int8], int8, []int8]{
		op:    rapid.Int8(),
		apply: func(m *crdt.Min[int8], _ string, op int8) crdt.Min[int8] { return m.Add(op) },
		read:  func(m *crdt.Min[int8]) []int8 { return seen(m.Value()) },
		reference: func(known []*event[int8]) (smallest []int8) {
			for i, e := range known {
				if i == 0 || e.op < smallest[0] {
					smallest = []int8{e.op}
				}
			}
			return smallest
		},
	})
}

// seen is a value, or none.
func seen[T any](v T, ok bool) []T {
	if !ok {
		return nil
	}
	return []T{v}
}

// TestMaxAndMinAgainstModel compares them with max and min, and each delta with the change it stands for.
func TestMaxAndMinAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.Int8()).Draw(t, "values")
		var high crdt.Max[int8]
		var low crdt.Min[int8]
		for i, v := range values {
			oldHigh, oldLow := high, low
			dHigh, dLow := high.Add(v), low.Add(v)
			if grew := oldHigh.Merge(&dHigh); oldHigh != high || grew != (dHigh != crdt.Max[int8]{}) {
				t.Fatalf("the delta of Max.Add(%d) gives another value", v)
			}
			if grew := oldLow.Merge(&dLow); oldLow != low || grew != (dLow != crdt.Min[int8]{}) {
				t.Fatalf("the delta of Min.Add(%d) gives another value", v)
			}
			wantHigh, wantLow := v, v
			for _, w := range values[:i] {
				wantHigh, wantLow = max(wantHigh, w), min(wantLow, w)
			}
			gotHigh, okHigh := high.Value()
			gotLow, okLow := low.Value()
			if !okHigh || gotHigh != wantHigh || !okLow || gotLow != wantLow {
				t.Fatalf("got max %d, min %d; want %d, %d", gotHigh, gotLow, wantHigh, wantLow)
			}
		}
	})
	var none crdt.Min[int8]
	if v, ok := none.Value(); ok {
		t.Errorf("the zero Min has value %d", v)
	}
}
