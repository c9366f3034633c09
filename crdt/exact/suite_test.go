package exact_test

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"github.com/calmstream/calmstream/crdt/exact"
)

// cents are the decimals of the tests.
type cents struct{}

func (cents) Digits() int { return 2 }

type money = exact.Decimal[cents]

func parse(t testing.TB, text string) money {
	t.Helper()
	d, err := exact.ParseDecimal[cents](text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sumOf is a sum of terms of some origins.
func sumOf(terms map[string][]int64) (s exact.Sum) {
	for origin, all := range terms {
		for _, term := range all {
			s.Add(origin, term)
		}
	}
	return s
}

func floatsOf(terms map[string][]float64) (s exact.FloatSum) {
	for origin, all := range terms {
		for _, term := range all {
			s.Take(origin, term)
		}
	}
	return s
}

// decimals are a few terms, among them the largest that there are.
func decimals(t testing.TB) []money {
	t.Helper()
	return []money{
		{},
		parse(t, "0.01"), parse(t, "-0.01"), parse(t, "12.34"), exact.DecimalOf[cents](math.MinInt64),
		parse(t, "1701411834604692317316873037158841057.27"), parse(t, "-1701411834604692317316873037158841057.27"),
	}
}

func TestSumIsALattice(t *testing.T) {
	t.Parallel()
	crdttest.Check(t, crdttest.Suite[exact.Sum]{
		Samples: []exact.Sum{
			sumOf(map[string][]int64{"a": {0}}),
			sumOf(map[string][]int64{"a": {0, 0}}),
			sumOf(map[string][]int64{"a": {3}}),
			sumOf(map[string][]int64{"a": {3, -2}}),
			sumOf(map[string][]int64{"b": {-2}}),
			sumOf(map[string][]int64{"a": {-3}, "b": {5}}),
			sumOf(map[string][]int64{"": {1}, "a": {math.MaxInt64, math.MaxInt64, math.MaxInt64}, "c": {math.MinInt64, 7}}),
			sumOf(map[string][]int64{"b": {1}, "c": {2, 3}, "d": {math.MinInt64, math.MinInt64}}),
		},
		Random: func(r *rand.Rand) (s exact.Sum) {
			for range r.IntN(6) {
				s.Add(string(rune('a'+r.IntN(4))), r.Int64()-1<<62)
			}
			return s
		},
		Updates: []func(*exact.Sum) exact.Sum{
			func(s *exact.Sum) exact.Sum { return s.Add("a", 5) },
			func(s *exact.Sum) exact.Sum { return s.Add("b", math.MinInt64) },
			func(s *exact.Sum) exact.Sum { return s.Add("0", 0) },
			func(s *exact.Sum) exact.Sum {
				two := sumOf(map[string][]int64{"x": {1}, "y": {-2, 4}})
				return s.AddAll("d", &two)
			},
		},
		UpSets: []crdt.UpSet[exact.Sum]{exact.CountAtLeast(2), exact.AddedAtLeast(4), exact.SubtractedAtLeast(2), exact.CountAtLeast(0)},
	})
}

func TestDecimalSumIsALattice(t *testing.T) {
	t.Parallel()
	all := decimals(t)
	type sum = exact.DecimalSum[cents]
	of := func(origin string, terms ...money) (s sum) {
		for _, term := range terms {
			s.Add(origin, term)
		}
		return s
	}
	crdttest.Check(t, crdttest.Suite[sum]{
		Samples: []sum{of("a", all[0]), of("a", all[1]), of("a", all[1], all[2]), of("b", all[3]), of("a", all...), of("c", all[5], all[5], all[5], all[5])},
		Random: func(r *rand.Rand) (s sum) {
			for range r.IntN(6) {
				s.Add(string(rune('a'+r.IntN(4))), all[r.IntN(len(all))])
			}
			return s
		},
		Updates: []func(*sum) sum{
			func(s *sum) sum { return s.Add("a", all[3]) },
			func(s *sum) sum { return s.Add("b", all[6]) },
			func(s *sum) sum { two := of("x", all[1], all[2]); return s.AddAll("c", &two) },
		},
		UpSets: []crdt.UpSet[sum]{exact.DecimalsAddedAtLeast(all[1]), exact.DecimalsSubtractedAtLeast(all[1]), exact.DecimalsAddedAtLeast(all[2])},
	})
}

func TestFloatSumIsALattice(t *testing.T) {
	t.Parallel()
	crdttest.Check(t, crdttest.Suite[exact.FloatSum]{
		Samples: []exact.FloatSum{
			floatsOf(map[string][]float64{"a": {0}}),
			floatsOf(map[string][]float64{"a": {1.5}}),
			floatsOf(map[string][]float64{"a": {1.5, -0.1}}),
			floatsOf(map[string][]float64{"b": {math.MaxFloat64, math.SmallestNonzeroFloat64}}),
			floatsOf(map[string][]float64{"a": {math.SmallestNonzeroFloat64}, "c": {1e-300, -1e300}}),
			floatsOf(map[string][]float64{"a": {math.Inf(1)}, "b": {math.NaN()}}),
			floatsOf(map[string][]float64{"a": {math.Inf(-1), 2}}),
		},
		Random: func(r *rand.Rand) (s exact.FloatSum) {
			for range r.IntN(6) {
				s.Take(string(rune('a'+r.IntN(4))), math.Float64frombits(r.Uint64()))
			}
			return s
		},
		Updates: []func(*exact.FloatSum) exact.FloatSum{
			func(s *exact.FloatSum) exact.FloatSum { return s.Add("a", 5.25) },
			func(s *exact.FloatSum) exact.FloatSum { return s.Add("b", -1e-310) },
			func(s *exact.FloatSum) exact.FloatSum { return s.Add("c", math.Inf(1)) },
		},
		UpSets: []crdt.UpSet[exact.FloatSum]{exact.FloatsAtLeast(2)},
	})
}

func FuzzSum(f *testing.F) {
	crdttest.Fuzz[exact.Sum](f, sumOf(map[string][]int64{"": {1}, "b": {-2}, "c": {math.MinInt64}}))
}

func FuzzFloatSum(f *testing.F) {
	crdttest.Fuzz[exact.FloatSum](f, floatsOf(map[string][]float64{"a": {1.5, -1e300}, "b": {math.NaN()}}))
}

func FuzzDecimal(f *testing.F) {
	for _, d := range []string{"0", "-1.20", "+3.", "1701411834604692317316873037158841057.28", ".5", "1e3", "0x1", "٣"} {
		f.Add(d)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := exact.ParseDecimal[cents](text)
		if err != nil {
			return
		}
		if again, err := exact.ParseDecimal[cents](d.String()); err != nil || again != d {
			t.Errorf("%q is %v, which is parsed as %v, error %v", text, d, again, err)
		}
	})
}

// The bytes are durable.
func TestGolden(t *testing.T) {
	t.Parallel()
	var s exact.Sum
	s.Add("a", 300)
	s.Add("a", -1)
	s.Add("b", 0)
	golden[exact.Sum](t, &s, "01 02 01 61 02 00 ac02 00 01  01 62 01 00 00 00 00", `{"sum":299,"count":3}`)
	var d exact.DecimalSum[cents]
	d.Add("a", parse(t, "184467440737095516.17")) // 2^64 + 1 units
	golden[exact.DecimalSum[cents]](t, &d, "01 01 01 61 01 01 01 00 00", `{"sum":"184467440737095516.17","count":1}`)
	var f exact.FloatSum
	f.Take("a", 1.5)                        // 3 units of 2^-1, which is bit 1073 of 2^-1074: limb 16, shift 49
	f.Take("a", math.Inf(-1))               // bit 2 of the flags
	f.Take("b", -math.Ldexp(1, -1074+64*3)) // limb 3
	golden[exact.FloatSum](t, &f, "01 02 01 61 02 04 01 10 0006000000000000 00  01 62 01 00 00 01 03 0000000000000001", `{"sum":"-Inf","count":3}`)
}

func golden[L any, P crdt.Lattice[L]](t *testing.T, x P, digits, shown string) {
	t.Helper()
	want, err := hex.DecodeString(stripped(digits))
	if err != nil {
		t.Fatal(err)
	}
	got, err := x.AppendBinary(nil)
	if err != nil || string(got) != string(want) {
		t.Errorf("%T is encoded as %x, error %v, want %x", x, got, err, want)
	}
	var back L
	if err := P(&back).UnmarshalBinary(want); err != nil {
		t.Errorf("%T: %v", x, err)
	}
	if text, err := json.Marshal(x); err != nil || string(text) != shown {
		t.Errorf("%T in JSON is %s, error %v, want %s", x, text, err, shown)
	}
}

func stripped(digits string) string {
	out := make([]byte, 0, len(digits))
	for i := range len(digits) {
		if digits[i] != ' ' {
			out = append(out, digits[i])
		}
	}
	return string(out)
}
