package sketch_test

import (
	"runtime"
	"strconv"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/sketch"
)

// bytesEach returns the memory that a copy of x takes, itself included.
func bytesEach[L any, P crdt.Lattice[L]](t *testing.T, x L) uint64 {
	t.Helper()
	const n = 200
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	copies := make([]*L, n)
	for i := range copies {
		copies[i] = new(L)
		P(copies[i]).Merge(&x)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(copies)
	return (after.HeapAlloc - before.HeapAlloc) / n
}

// TestMemoryIsAsStated holds the types to what their documentation says.
//
//nolint:paralleltest // it measures memory, which other tests would disturb
func TestMemoryIsAsStated(t *testing.T) {
	var many sketch.Membership[usual]
	var counts sketch.Frequencies[grid]
	var spread, wide sketch.Quantiles
	for i := range 5000 {
		many.Add(strconv.Itoa(i))
		counts.Add("shard-0", strconv.Itoa(i), 1)
		wide.Add("shard-0", int64(1)<<(i%56)*int64(64+i/56), 1)
	}
	for v := int64(1000); v <= 10_000; v++ { // a factor of ten
		spread.Add("shard-0", v, 1)
	}
	for _, c := range []struct {
		name      string
		got, want uint64
	}{
		{"Distinct of nothing", bytesEach(t, sketch.Distinct{}), 32},
		{"Distinct of 1", bytesEach(t, distinct(0, 1)), 32 + 8},
		{"Distinct of 100", bytesEach(t, distinct(0, 100)), 32 + 2*8*100},
		{"Distinct of 5000", bytesEach(t, distinct(0, 5000)), 18 << 10},
		{"Membership of 5000", bytesEach(t, many), 32 + 40<<10},
		{"Frequencies of 5000", bytesEach(t, counts), 24 + 64 + 4000*8 + 4096},
		{"Quantiles of 213 bins", bytesEach(t, spread), 24 + 64 + 2*16*213},
		{"Quantiles of 3711 bins", bytesEach(t, wide), 24 + 64 + 64<<10},
	} {
		t.Logf("%s: %d bytes", c.name, c.got)
		if c.got > c.want+64 { // the allocator's own
			t.Errorf("%s: %d bytes, more than %d", c.name, c.got, c.want)
		}
	}
}

// A decoder must not believe a length.
//
//nolint:paralleltest // as above
func TestDecodersAllocateNoMoreThanTheirInputWarrants(t *testing.T) {
	const million = "\xff\xff\x3f" // items in a hundred bytes
	padding := string(make([]byte, 100))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		for _, err := range []error{
			new(sketch.Distinct).UnmarshalBinary([]byte("\x01\x80\x08" + padding)),
			new(sketch.Membership[largest]).UnmarshalBinary([]byte("\x01\x80\x80\x80\x10\x20\x81\x08" + padding)),
			new(sketch.Frequencies[plains]).UnmarshalBinary([]byte("\x01\x10\x80\x80\x04" + million + padding)),
			new(sketch.Quantiles).UnmarshalBinary([]byte("\x01\x01\x01a" + million + padding)),
		} {
			if err == nil {
				t.Fatal("accepted")
			}
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / 400; each > 4<<10 {
		t.Errorf("refusing %d bytes allocates %d", len(padding), each)
	}
}
