package exact_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/exact"
)

// A sum is what math/big says, whatever the terms, also where 64 bits overflow.
func TestSumAgainstBig(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var s, merged exact.Sum
		model, n := new(big.Int), rng.IntN(40)
		for i := range n {
			term := int64(rng.Uint64()) >> rng.IntN(64)
			model.Add(model, big.NewInt(term))
			delta := s.Add(string(rune('a'+i%3)), term)
			merged.Merge(&delta)
		}
		for _, got := range []*exact.Sum{&s, &merged} {
			if got.Big().Cmp(model) != 0 || got.Count() != uint64(n) {
				t.Fatalf("the sum of %d terms is %v of %d, want %v", n, got.Big(), got.Count(), model)
			}
			v, ok := got.Int64()
			if ok != model.IsInt64() || ok && v != model.Int64() || !ok && (v > 0) != (model.Sign() > 0) {
				t.Fatalf("Int64 is %d, %t for %v", v, ok, model)
			}
		}
		mean, ok := s.Mean()
		if ok != (n > 0) {
			t.Fatalf("the mean of %d terms is %v, %t", n, mean, ok)
		}
		if ok {
			want, _ := new(big.Rat).SetFrac(model, big.NewInt(int64(n))).Float64()
			if mean != want {
				t.Fatalf("the mean is %v, want %v", mean, want)
			}
		}
	}
}

// Sums of different terms under one origin add up, and leave the other as it was.
func TestAddAll(t *testing.T) {
	t.Parallel()
	a, b := sumOf(map[string][]int64{"x": {5, -3}}), sumOf(map[string][]int64{"x": {7}, "y": {-20}})
	before, _ := b.AppendBinary(nil)
	a.AddAll("x", &b)
	if v, _ := a.Int64(); v != -11 || a.Count() != 4 {
		t.Errorf("got %d of %d terms, want -11 of 4", v, a.Count())
	}
	if after, _ := b.AppendBinary(nil); string(after) != string(before) {
		t.Errorf("the other sum changed")
	}
	f, g := floatsOf(map[string][]float64{"x": {1e300, 1}}), floatsOf(map[string][]float64{"x": {-1e300, 1e-300}, "y": {math.SmallestNonzeroFloat64}})
	f.AddAll("x", &g)
	if f.Value() != 1 || f.Count() != 5 {
		t.Errorf("got %v of %d terms, want 1 of 5", f.Value(), f.Count())
	}
	f.Take("x", -1)
	if want := 1e-300 + math.SmallestNonzeroFloat64; f.Value() != want {
		t.Errorf("what is left is %v, want %v", f.Value(), want)
	}
}

// floats are terms of any size that cancel often.
func floats(rng *rand.Rand, n int) (terms []float64) {
	for len(terms) < n {
		f := math.Float64frombits(rng.Uint64())
		switch rng.IntN(6) {
		case 0: // any size
		case 1:
			f = float64(rng.IntN(2000)-1000) / 100
		case 2:
			f = math.Ldexp(rng.Float64()-0.5, -1000-rng.IntN(80)) // subnormal too
		case 3:
			f = math.Ldexp(rng.Float64()-0.5, 1024)
		default:
			if len(terms) > 0 {
				f = -terms[rng.IntN(len(terms))]
			}
		}
		if !math.IsNaN(f) && !math.IsInf(f, 0) {
			terms = append(terms, f)
		}
	}
	return terms
}

// A sum of floats is that of math/big.Rat, rounded once, and its bytes do not depend on the order of the terms, nor on how they were grouped.
func TestFloatSumAgainstBig(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	tiny, huge := 0, 0
	for range 3000 {
		terms := floats(rng, 1+rng.IntN(12))
		model := new(big.Rat)
		var s exact.FloatSum
		for _, f := range terms {
			model.Add(model, new(big.Rat).SetFloat64(f))
			s.Take("a", f)
		}
		want, _ := model.Float64()
		if got := s.Value(); got != want {
			t.Fatalf("the sum of %v is %v, want %v", terms, got, want)
		}
		wantMean, _ := new(big.Rat).Quo(model, big.NewRat(int64(len(terms)), 1)).Float64()
		if got, ok := s.Mean(); !ok || got != wantMean {
			t.Fatalf("the mean of %v is %v, want %v", terms, got, wantMean)
		}
		if math.Abs(want) < 1e-307 {
			tiny++
		}
		if math.IsInf(want, 0) {
			huge++
		}
		bytes, _ := s.AppendBinary(nil)
		rng.Shuffle(len(terms), func(i, j int) { terms[i], terms[j] = terms[j], terms[i] })
		var whole, part exact.FloatSum
		cut := rng.IntN(len(terms) + 1)
		for i, f := range terms {
			if i < cut {
				whole.Take("a", f)
			} else {
				part.Take("a", f)
			}
		}
		whole.AddAll("a", &part)
		if again, _ := whole.AppendBinary(nil); string(again) != string(bytes) {
			t.Fatalf("the terms %v in another order, cut at %d, are encoded as %x, not %x", terms, cut, again, bytes)
		}
	}
	if tiny < 10 || huge < 10 {
		t.Errorf("the terms show too little: %d tiny sums, %d beyond all floats", tiny, huge)
	}
}

// What a float64 adds up to is not what it should be; a carry goes through all limbs.
func TestFloatSumKeepsEachBit(t *testing.T) {
	t.Parallel()
	var s exact.FloatSum
	for range 10 {
		s.Take("a", 0.1)
	}
	if s.Value() != 1 {
		t.Errorf("ten times 0.1 is %v", s.Value())
	}
	var c exact.FloatSum
	model := new(big.Rat)
	for e := range 2046 { // every bit from the lowest to the highest, then one unit more
		f := math.Ldexp(1, e-1074)
		c.Take("a", f)
		model.Add(model, new(big.Rat).SetFloat64(f))
	}
	c.Take("a", math.SmallestNonzeroFloat64)
	model.Add(model, new(big.Rat).SetFloat64(math.SmallestNonzeroFloat64))
	if want, _ := model.Float64(); c.Value() != want || want != math.Ldexp(1, 2046-1074) {
		t.Errorf("the sum is %v, want %v", c.Value(), want)
	}
}

func TestFloatSumOfWhatIsNotFinite(t *testing.T) {
	t.Parallel()
	inf := math.Inf(1)
	for _, c := range []struct {
		terms []float64
		want  float64
	}{
		{[]float64{inf, 1, -1e308}, inf},
		{[]float64{-inf, 1}, -inf},
		{[]float64{inf, -inf}, math.NaN()},
		{[]float64{math.NaN(), inf}, math.NaN()},
		{[]float64{math.Copysign(0, -1)}, 0},
		{nil, 0},
	} {
		s := floatsOf(map[string][]float64{"a": c.terms})
		if got := s.Value(); math.Float64bits(got) != math.Float64bits(c.want) && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("the sum of %v is %v, want %v", c.terms, got, c.want)
		}
	}
}

func TestDecimals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0": "0.00", "-0": "0.00", "+12.3": "12.30", "-0.05": "-0.05", "007": "7.00", "1.2300": "1.23",
		"1701411834604692317316873037158841057.27":  "1701411834604692317316873037158841057.27",
		"-1701411834604692317316873037158841057.27": "-1701411834604692317316873037158841057.27",
	} {
		if got := parse(t, text).String(); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{
		"", "-", "+-1", ".5", "1.", "1.234", "1e3", "0x1", " 1", "1_000", "1.2.3", "NaN", "٣", "1701411834604692317316873037158841057.28",
		"99999999999999999999999999999999999999999", strings.Repeat("0", 1<<20),
	} {
		if d, err := exact.ParseDecimal[cents](text); !errors.Is(err, exact.ErrDecimal) || d != (money{}) || len(err.Error()) > 200 {
			t.Errorf("%.40q is %v, error %v", text, d, err)
		}
	}
	var record struct{ A, B, C money }
	record.C = parse(t, "9")
	if err := json.Unmarshal([]byte(`{"a":"1.5","b":-2.25,"c":null}`), &record); err != nil || record.A != parse(t, "1.5") || record.B != parse(t, "-2.25") || record.C != parse(t, "9") {
		t.Errorf("got %+v, error %v", record, err)
	}
	if text, err := json.Marshal(record); err != nil || string(text) != `{"A":"1.50","B":"-2.25","C":"9.00"}` {
		t.Errorf("got %s, error %v", text, err)
	}
	if err := json.Unmarshal([]byte(`{"a":1.005}`), &record); !errors.Is(err, exact.ErrDecimal) {
		t.Errorf("a third digit is no error: %v", err)
	}
	all := []string{"-1701411834604692317316873037158841057.27", "-1", "-0.01", "0", "0.01", "1"}
	for i, a := range all {
		for j, b := range all {
			if got := parse(t, a).Compare(parse(t, b)); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%s compares to %s as %d", a, b, got)
			}
		}
	}
}

// A sum of decimals is that of math/big, and says so when it is not.
func TestDecimalSumAgainstBig(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	all := decimals(t)
	for range 500 {
		var s exact.DecimalSum[cents]
		model, up, down, n := new(big.Int), new(big.Int), new(big.Int), rng.IntN(8)
		for range n {
			term := all[rng.IntN(len(all))]
			if rng.IntN(3) > 0 {
				term = exact.DecimalOf[cents](int64(rng.Uint64()) >> rng.IntN(64))
			}
			s.Add("a", term)
			model.Add(model, term.Units())
			half := up
			if term.Units().Sign() < 0 {
				half = down
			}
			half.Add(half, new(big.Int).Abs(term.Units()))
		}
		known := max(up.BitLen(), down.BitLen()) <= 128
		got, ok := s.Value()
		if ok != (known && model.BitLen() <= 127) {
			t.Fatalf("the sum is %v, %t, where it is %v units", got, ok, model)
		}
		if ok && got.Units().Cmp(model) != 0 {
			t.Fatalf("the sum is %v, want %v units", got, model)
		}
		mean, ok := s.Mean()
		if ok != (known && n > 0) {
			t.Fatalf("the mean is %v, %t", mean, ok)
		}
		if ok { // it is nearest: twice the distance is at most 1, and even where it is 1
			distance := new(big.Rat).Sub(new(big.Rat).SetFrac(model, big.NewInt(int64(n))), new(big.Rat).SetInt(mean.Units()))
			twice := distance.Abs(distance).Mul(distance, big.NewRat(2, 1))
			if c := twice.Cmp(big.NewRat(1, 1)); c > 0 || c == 0 && mean.Units().Bit(0) == 1 {
				t.Fatalf("the mean of %v units in %d terms is %v", model, n, mean)
			}
		}
	}
}

// Copies of a FloatSum that Clone makes, and deltas, share nothing.
func TestFloatSumSharesNothing(t *testing.T) {
	t.Parallel()
	var s, other exact.FloatSum
	delta := s.Add("a", 1)
	other.Merge(&delta)
	cloned := crdt.Clone(&s)
	s.Take("a", 2)
	if delta.Value() != 1 || other.Value() != 1 || cloned.Value() != 1 || s.Value() != 3 {
		t.Errorf("got %v, %v, %v and %v", delta.Value(), other.Value(), cloned.Value(), s.Value())
	}
}

func BenchmarkSum(b *testing.B) {
	var s exact.Sum
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Take("a", int64(i)-500)
	}
}

func BenchmarkFloatSum(b *testing.B) {
	var s exact.FloatSum
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Take("a", float64(i%1000)/7-20)
	}
}
