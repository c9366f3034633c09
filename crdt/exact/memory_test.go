package exact_test

import (
	"math"
	"testing"
	"unsafe"

	"github.com/calmstream/calmstream/crdt/exact"
)

// The sizes are what the comments say.
func TestSizes(t *testing.T) {
	t.Parallel()
	if unsafe.Sizeof(uintptr(0)) != 8 {
		return // they speak of 64-bit machines
	}
	for what, sizes := range map[string][2]uintptr{
		"a Sum": {unsafe.Sizeof(exact.Sum{}), 64}, "a DecimalSum": {unsafe.Sizeof(exact.DecimalSum[cents]{}), 64}, "a FloatSum": {unsafe.Sizeof(exact.FloatSum{}), 104},
	} {
		if sizes[0] != sizes[1] {
			t.Errorf("%s has %d bytes, not %d", what, sizes[0], sizes[1])
		}
	}
	// A FloatSum grows with the range of its terms, and no further than all floats do.
	for n, terms := range map[int][]float64{9 + 8*3: {0.1, 1, 123456.5}, 9 + 8*34: {math.MaxFloat64, math.SmallestNonzeroFloat64}} {
		s := floatsOf(map[string][]float64{"a": terms})
		b, err := s.AppendBinary(nil)
		if err != nil || len(b) > n {
			t.Errorf("%v take %d bytes, more than %d, error %v", terms, len(b), n, err)
		}
	}
}

func TestTakeDoesNotAllocate(t *testing.T) { //nolint:paralleltest // it counts allocations
	var s exact.Sum
	var d exact.DecimalSum[cents]
	var f exact.FloatSum
	f.Take("a", 1e-9)
	f.Take("a", -1e9)
	term := 0.1
	if n := testing.AllocsPerRun(1000, func() {
		s.Take("a", math.MinInt64)
		d.Take("a", exact.DecimalOf[cents](-5))
		f.Take("a", term)
		term = -term * 1.01
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
