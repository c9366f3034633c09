package crdt_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

// change adds n for an origin, or subtracts -n.
type change struct {
	origin string
	n      int64
}

func (c change) apply(x *crdt.PNCounter) crdt.PNCounter {
	if c.n < 0 {
		return x.Subtract(c.origin, uint64(-c.n)) // of the smallest int64 it is right too
	}
	return x.Add(c.origin, uint64(c.n))
}

func changed(changes ...change) (x crdt.PNCounter) {
	for _, c := range changes {
		c.apply(&x)
	}
	return x
}

func TestPNCounter(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.PNCounter]{
		samples: []crdt.PNCounter{
			changed(change{"a", 1}), changed(change{"a", 2}), changed(change{"a", -1}), changed(change{"a", 1}, change{"a", -1}),
			changed(change{"b", 3}, change{"a", -2}), changed(change{"", 5}, change{"b", -5}, change{"a", -1}, change{"c", 300}),
			changed(change{"a", math.MinInt64}, change{"a", math.MinInt64}),
		},
		random: func(r *rand.Rand) (x crdt.PNCounter) {
			for range r.IntN(6) {
				change{strconv.Itoa(r.IntN(4)), r.Int64N(7) - 3}.apply(&x)
			}
			return x
		},
		updates: []func(*crdt.PNCounter) crdt.PNCounter{
			change{"a", 1}.apply, change{"b", -2}.apply, change{"", 3}.apply,
		},
		upSets: []crdt.UpSet[crdt.PNCounter]{
			crdt.AddedAtLeast(0), crdt.AddedAtLeast(2), crdt.SubtractedAtLeast(0), crdt.SubtractedAtLeast(5), crdt.SubtractedAtLeast(math.MaxUint64),
		},
		golden: "pncounter",
		goldens: map[string]crdt.PNCounter{
			"bottom": {}, "up": changed(change{"shard-7", 300}), "down": changed(change{"a", -1}),
			"both": changed(change{"b", 2}, change{"a", 1}, change{"b", -5}, change{"c", -300}),
			"full": changed(change{"a", math.MinInt64}, change{"a", math.MinInt64}),
		},
		json: map[string]string{
			"bottom": `{"value":0,"added":{},"subtracted":{}}`,
			"both":   `{"value":-302,"added":{"a":1,"b":2},"subtracted":{"b":5,"c":300}}`,
			"full":   `{"value":-9223372036854775808,"added":{},"subtracted":{"a":18446744073709551615}}`,
		},
	})
}

func TestPNCounterHistory(t *testing.T) {
	t.Parallel()
	type shown struct {
		added, subtracted uint64
		value             int64
	}
	checkHistory(t, history[crdt.PNCounter, int64, shown]{
		// The delta has all that the origin added, or all that it subtracted.
		carries: func(op, earlier int64) bool { return op < 0 == (earlier < 0) },
		op:      rapid.Int64Range(-4, 4),
		apply:   func(x *crdt.PNCounter, origin string, op int64) crdt.PNCounter { return change{origin, op}.apply(x) },
		read:    func(x *crdt.PNCounter) shown { return shown{x.Added(), x.Subtracted(), x.Value()} },
		reference: func(known []*event[int64]) (s shown) {
			for _, e := range known {
				s.value += e.op
				s.added += uint64(max(e.op, 0))
				s.subtracted += uint64(max(-e.op, 0))
			}
			return s
		},
	})
}

// The value is the nearest number that there is where it is beyond int64.
func TestPNCounterValueSaturates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		up, down uint64
		want     int64
	}{
		{0, 0, 0},
		{math.MaxInt64, 0, math.MaxInt64},
		{math.MaxInt64 + 1, 0, math.MaxInt64},
		{math.MaxInt64 + 1, 1, math.MaxInt64},
		{math.MaxUint64, 0, math.MaxInt64},
		{0, math.MaxInt64, -math.MaxInt64},
		{0, math.MaxInt64 + 1, math.MinInt64},
		{0, math.MaxInt64 + 2, math.MinInt64},
		{1, math.MaxUint64, math.MinInt64},
		{math.MaxUint64, math.MaxUint64, 0},
		{math.MaxUint64 - 1, math.MaxUint64, -1},
	} {
		var x crdt.PNCounter
		x.Add("a", c.up)
		x.Subtract("b", c.down)
		if got := x.Value(); got != c.want {
			t.Errorf("%d-%d is %d, want %d", c.up, c.down, got, c.want)
		}
	}
}

// The value is no lower bound of anything: a set of states with a value of 1 or more is not upward closed.
func TestPNCounterValueIsNotMonotone(t *testing.T) {
	t.Parallel()
	x := changed(change{"a", 1})
	later := changed(change{"b", -5})
	before := x.Value()
	if x.Merge(&later); x.Value() >= before {
		t.Errorf("the value went from %d to %d", before, x.Value())
	}
}

func TestPNCounterDecoderRefuses(t *testing.T) {
	t.Parallel()
	x := changed(change{"x", 1}, change{"y", -2})
	refuse(t, x, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, x, crdt.ErrVersion, "version 2", "02 00 00")
	refuse(t, x, crdt.ErrCorrupt, "cut off", "01")
	refuse(t, x, crdt.ErrCorrupt, "cut off", "01 01 01 61 01")
	refuse(t, x, crdt.ErrCorrupt, "count is 0", "01 01 01 61 00 00")
	refuse(t, x, crdt.ErrCorrupt, "count is 0", "01 00 01 01 61 00")
	refuse(t, x, crdt.ErrCorrupt, "not ascending", "01 02 01 61 01 01 61 01 00")
	refuse(t, x, crdt.ErrCorrupt, "not ascending", "01 00 02 01 62 01 01 61 01")
	refuse(t, x, crdt.ErrCorrupt, "not ascending", "01 00 03 01 61 01 01 63 01 01 62 01")
	refuse(t, x, crdt.ErrCorrupt, "more items", "01 00 7f 01 61 01")
	refuse(t, x, crdt.ErrCorrupt, "more bytes", "01 00 01 7f 61 01")
	refuse(t, x, crdt.ErrCorrupt, "shortest form", "01 80 00 00")
	refuse(t, x, crdt.ErrCorrupt, "left over", "01 00 00 00")
}

func FuzzPNCounter(f *testing.F) {
	fuzz(f, changed(change{"b", 300}, change{"a", -1}, change{"b", -2}), changed(change{"", 1}), changed(change{"", -1}))
}
