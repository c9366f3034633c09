package crdt_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

// tallyOf adds amounts, whose ids are origins.
func tallyOf(all ...amount) (t crdt.Tally) {
	for _, a := range all {
		t.Add(a.id, a.n)
	}
	return t
}

// recorded is a Tally that was told of one origin.
func recorded(origin string, sequence uint64, sums ...int64) (t crdt.Tally) {
	for _, sum := range sums {
		d := recordOf(origin, sequence, sum)
		t.Merge(&d)
	}
	return t
}

func recordOf(origin string, sequence uint64, sum int64) (t crdt.Tally) {
	t.Record(origin, sequence, sum)
	return t
}

func tallySamples() []crdt.Tally {
	return []crdt.Tally{
		tallyOf(amount{"a", 1}), tallyOf(amount{"a", 2}), tallyOf(amount{"a", 1}, amount{"a", -5}), tallyOf(amount{"a", 0}),
		tallyOf(amount{"b", -1}, amount{"a", 7}), tallyOf(amount{"", math.MinInt64}), tallyOf(amount{"c", math.MaxInt64}, amount{"c", 1}),
		recorded("a", 1, 1, 2), recorded("a", 2, math.MinInt64, math.MaxInt64), recorded("a", math.MaxUint64, 3),
	}
}

func TestTally(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.Tally]{
		samples: tallySamples(),
		random: func(r *rand.Rand) (x crdt.Tally) {
			for range r.IntN(6) {
				x.Record(string(rune('a'+r.IntN(3))), r.Uint64N(3), int64(r.IntN(4)-2))
			}
			return x
		},
		updates: []func(*crdt.Tally) crdt.Tally{
			func(x *crdt.Tally) crdt.Tally { return x.Add("a", 0) },
			func(x *crdt.Tally) crdt.Tally { return x.Add("b", math.MinInt64) },
			func(x *crdt.Tally) crdt.Tally { return x.Record("c", 2, 7) },
		},
		golden: "tally",
		goldens: map[string]crdt.Tally{
			"bottom": {}, "two": tallyOf(amount{"b", 5}, amount{"a", 2}, amount{"a", -3}), "nothing": tallyOf(amount{"", 0}),
			"disputed": recorded("a", 300, -1, 7), "widest": recorded("a", 1, math.MaxInt64, math.MinInt64),
			"bound": recorded("x", math.MaxUint64, math.MaxInt64),
		},
		json: map[string]string{
			"bottom":   `{"sum":0,"origins":{}}`,
			"two":      `{"sum":4,"origins":{"a":{"sequence":2,"sum":-1},"b":{"sequence":1,"sum":5}}}`,
			"disputed": `{"sum":null,"origins":{"a":{"sequence":300,"sum":-1,"otherSum":7}}}`,
			"bound":    `{"sum":null,"origins":{"x":{"sequence":18446744073709551615,"sum":9223372036854775807}}}`,
		},
	})
}

func TestTallyHistory(t *testing.T) {
	t.Parallel()
	type shown struct {
		sequences map[string]uint64
		sum       int64
		exact     bool
	}
	origins := []string{"a", "b", "c"}
	checkHistory(t, history[crdt.Tally, int64, shown]{
		cumulative: true,
		op:         rapid.Int64Range(-5, 5),
		apply:      func(x *crdt.Tally, origin string, op int64) crdt.Tally { return x.Add(origin, op) },
		read: func(x *crdt.Tally) shown {
			s := shown{sequences: map[string]uint64{}}
			for _, origin := range origins {
				s.sequences[origin] = x.Sequence(origin)
			}
			s.sum, s.exact = x.Sum()
			return s
		},
		reference: func(known []*event[int64]) shown {
			s := shown{sequences: map[string]uint64{"a": 0, "b": 0, "c": 0}, exact: true}
			for _, e := range known {
				s.sequences[e.origin]++
				s.sum += e.op
			}
			return s
		},
	})
}

// What several who break the law say of the same origins still converges, and is reported where it can be seen.
func TestTallyAgainstModel(t *testing.T) {
	t.Parallel()
	type said struct {
		origin   string
		sequence uint64
		sum      int64
	}
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) said {
			a := amounts("a", "b", "c").Draw(t, "amount")
			return said{a.id, rapid.Uint64Range(0, 3).Draw(t, "sequence"), a.n}
		}), 0, 12).Draw(t, "said")
		var forth, back crdt.Tally
		for i := range all {
			forth.Record(all[i].origin, all[i].sequence, all[i].sum)
			d := recordOf(all[len(all)-1-i].origin, all[len(all)-1-i].sequence, all[len(all)-1-i].sum)
			back.Merge(&d)
		}
		if encode(t, &forth) != encode(t, &back) {
			t.Fatalf("%x in one order, %x in the other", encode(t, &forth), encode(t, &back))
		}
		total, exact := new(big.Int), true
		var disputed []string
		for _, origin := range []string{"a", "b", "c"} {
			var last uint64
			var sums []int64
			for _, s := range all {
				if s.origin == origin && s.sequence > last {
					last, sums = s.sequence, nil
				}
				if s.origin == origin && s.sequence == last && last > 0 {
					sums = append(sums, s.sum)
				}
			}
			if len(sums) == 0 {
				continue
			}
			low, high := slices.Min(sums), slices.Max(sums)
			if low != high {
				disputed = append(disputed, origin)
			}
			exact = exact && low == high && low > math.MinInt64 && low < math.MaxInt64
			total.Add(total, big.NewInt(low))
		}
		want, fits := nearest(total)
		if sum, ok := forth.Sum(); sum != want || ok != (exact && fits) || !slices.Equal(slices.Collect(forth.Disputed()), disputed) {
			t.Fatalf("the sum is %d, %v, disputed by %q; want %d, %v, %q", sum, ok, slices.Collect(forth.Disputed()), want, exact && fits, disputed)
		}
	})
}

func TestTallyStaysAtTheBounds(t *testing.T) {
	t.Parallel()
	for _, bound := range []int64{math.MaxInt64, math.MinInt64} {
		x := tallyOf(amount{"a", bound - bound/4}, amount{"a", bound / 2})
		if sum, ok := x.Sum(); sum != bound || ok {
			t.Errorf("the sum is %d, %v; want the bound, and that it was reached", sum, ok)
		}
		for _, n := range []int64{bound, -(bound / 2), 0} {
			before := x.Sequence("a")
			d := x.Add("a", n)
			if sum, ok := x.Sum(); sum != bound || ok || x.Sequence("a") != before+1 || d.Sequence("a") != before+1 {
				t.Errorf("adding %d made the sum %d, %v", n, sum, ok)
			}
		}
		x.Add("b", -(bound / 2))
		if _, ok := x.Sum(); ok {
			t.Error("an origin at the bound is unknown, whatever the others have")
		}
	}
	near := tallyOf(amount{"a", math.MaxInt64 - 1}, amount{"b", 2}, amount{"c", -1})
	if sum, ok := near.Sum(); sum != math.MaxInt64 || !ok {
		t.Errorf("three origins that add up to the largest int64: got %d, %v", sum, ok)
	}
	if near.Add("c", 1); near.Sequence("c") != 2 {
		t.Error("an amount takes a number")
	}
	if sum, ok := near.Sum(); sum != math.MaxInt64 || ok {
		t.Errorf("three origins beyond the largest int64: got %d, %v", sum, ok)
	}
	last := recorded("a", math.MaxUint64, 5)
	if d := last.Add("a", 1); d.Len() > 0 || last.Sequence("a") != math.MaxUint64 {
		t.Error("there is no number after the last")
	}
}

func TestTallyCountedIsUpwardClosed(t *testing.T) {
	t.Parallel()
	for _, n := range []uint64{0, 1, 2, math.MaxUint64} {
		crdttest.CheckUpSet(t, crdt.Counted("a", n), tallySamples())
	}
}

func TestTallyRefuses(t *testing.T) {
	t.Parallel()
	x := tallyOf(amount{"x", 1})
	refuse(t, x, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, x, crdt.ErrVersion, "version 2", "02 00")
	refuse(t, x, crdt.ErrCorrupt, "cut off", "01 01 01 61 01 80")
	refuse(t, x, crdt.ErrCorrupt, "more items", "01 02 01 61 01 02 00")
	refuse(t, x, crdt.ErrCorrupt, "not ascending", "01 02 01 62 01 02 00 01 61 01 02 00")
	refuse(t, x, crdt.ErrCorrupt, "not ascending", "01 02 00 01 02 00 00 01 04 00")
	refuse(t, x, crdt.ErrCorrupt, "sequence is 0", "01 01 01 61 00 02 00")
	refuse(t, x, crdt.ErrCorrupt, "sum exceeds", "01 01 01 61 01 fe ff ff ff ff ff ff ff ff 01 01")
	refuse(t, x, crdt.ErrCorrupt, "sum exceeds", "01 01 01 61 01 00 80 80 80 80 80 80 80 80 80 01")
	refuse(t, x, crdt.ErrCorrupt, "left over", "01 00 00")
}

func FuzzTally(f *testing.F) { fuzz(f, tallySamples()...) }
