package crdt_test

import (
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

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
