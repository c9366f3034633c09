package sketch_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/calmstream/calmstream/crdt/sketch"
)

// What is taken without a delta is what is added with one.
func TestTakeIsAddWithoutADelta(t *testing.T) {
	t.Parallel()
	var added, taken sketch.Quantiles
	for _, v := range []int64{1, 1, -5, 1 << 40, math.MinInt64, 0} {
		added.Add("a", v, 1)
		taken.Take("a", v)
	}
	if encode(t, &added) != encode(t, &taken) {
		t.Error("the quantiles differ")
	}
	var d, e sketch.Distinct
	for i := range 3000 {
		x := fmt.Sprint(i * i % 1700)
		delta := d.Add(x)
		if grew := e.Take(x); grew != (delta.Estimate() > 0) {
			t.Fatalf("%s: grew is %t", x, grew)
		}
	}
	if encode(t, &d) != encode(t, &e) {
		t.Error("the sets differ")
	}
}

func TestTakeDoesNotAllocate(t *testing.T) { //nolint:paralleltest // it counts allocations
	var q sketch.Quantiles
	var d sketch.Distinct
	if n := testing.AllocsPerRun(100, func() { q.Take("a", 1); d.Take("4") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Values that were counted apart, under one origin or several, add up; the other state stays as it was.
func TestQuantilesAddAll(t *testing.T) {
	t.Parallel()
	var one, other, both sketch.Quantiles
	for i := range int64(5000) {
		v, origin := i*i%70000-20000, string(rune('a'+i%3))
		if i%2 == 0 {
			one.Take("a", v)
		} else {
			other.Take(origin, v)
		}
		both.Take("a", v)
	}
	before := encode(t, &other)
	one.AddAll("a", &other)
	if encode(t, &one) != encode(t, &both) {
		t.Errorf("%d values, want %d", one.Count(), both.Count())
	}
	if encode(t, &other) != before {
		t.Error("the other state changed")
	}
	var none sketch.Quantiles
	none.AddAll("a", new(sketch.Quantiles))
	if encode(t, &none) != encode(t, new(sketch.Quantiles)) {
		t.Error("nothing and nothing are something")
	}
}
