package sketches_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/axiomhq/hyperloglog"
	"github.com/calmstream/calmstream/crdt/sketch"
	"github.com/cespare/xxhash/v2"
)

// TestDistinctHasTheRegistersOfHyperLogLog gives both the same hashes. Ours come packed, behind 3 bytes; theirs one a byte, behind 8.
func TestDistinctHasTheRegistersOfHyperLogLog(t *testing.T) {
	t.Parallel()
	var ours sketch.Distinct
	theirs := hyperloglog.NewNoSparse()
	for i := range 500_000 {
		x := strconv.Itoa(i)
		ours.Add(x)
		theirs.InsertHash(xxhash.Sum64String(x))
		switch i + 1 {
		case 1025, 5000, 50_000, 500_000:
			compareRegisters(t, &ours, theirs)
			a, b := float64(ours.Estimate()), float64(theirs.Estimate())
			t.Logf("of %d: ours %.0f, theirs %.0f", i+1, a, b)
			if math.Abs(a-b) > 0.01*b { // they have other formulas for the same registers
				t.Errorf("of %d: ours %.0f, theirs %.0f", i+1, a, b)
			}
		}
	}
}

func compareRegisters(t *testing.T, ours *sketch.Distinct, theirs *hyperloglog.Sketch) {
	t.Helper()
	a, err := ours.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := theirs.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	a, b = a[3:], b[8:]
	for i := range b {
		var rank byte
		for bit := 6 * i; bit < 6*i+6; bit++ {
			rank = rank<<1 | a[bit/8]>>(7-bit%8)&1
		}
		if rank != b[i] {
			t.Fatalf("register %d has %d, theirs %d", i, rank, b[i])
		}
	}
}

// TestQuantilesAgreeWithDDSketch gives both the same values. Each is off by its own error at most.
func TestQuantilesAgreeWithDDSketch(t *testing.T) {
	t.Parallel()
	const accuracy = 0.01
	theirs, err := ddsketch.NewDefaultDDSketch(accuracy)
	if err != nil {
		t.Fatal(err)
	}
	var ours sketch.Quantiles
	r := rand.New(rand.NewPCG(1, 1))
	for range 102_401 { // so that the index of a 1024th is a whole number: below 0 theirs rounds others up, ours all down
		v := int64(math.Exp(10+3*r.NormFloat64())) * int64(1-2*(r.IntN(4)/3)) // a quarter below 0
		ours.Add("shard-0", v, 1)
		if err := theirs.Add(float64(v)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1025 {
		q := float64(i) / 1024
		a, _ := ours.Quantile(q)
		b, err := theirs.GetValueAtQuantile(q)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(float64(a)-b) > (1.0/128+accuracy)*1.02*max(math.Abs(float64(a)), math.Abs(b)) {
			t.Errorf("quantile %.4f: ours %d, theirs %.0f", q, a, b)
		}
	}
}

func BenchmarkDistinct(b *testing.B) {
	const n = 100_000
	names := make([]string, n)
	var ours sketch.Distinct
	theirs := hyperloglog.NewNoSparse()
	for i := range names {
		names[i] = strconv.Itoa(i)
		ours.Add(names[i])
		theirs.InsertHash(xxhash.Sum64String(names[i]))
	}
	b.Run("add/ours", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			ours.Add(names[i%n])
		}
	})
	b.Run("add/axiomhq", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			theirs.InsertHash(xxhash.Sum64String(names[i%n]))
		}
	})
	b.Run("estimate/ours", func(b *testing.B) {
		for b.Loop() {
			ours.Estimate()
		}
	})
	b.Run("estimate/axiomhq", func(b *testing.B) {
		for b.Loop() {
			theirs.Estimate()
		}
	})
}

func BenchmarkQuantiles(b *testing.B) {
	theirs, err := ddsketch.NewDefaultDDSketch(1.0 / 128)
	if err != nil {
		b.Fatal(err)
	}
	var ours sketch.Quantiles
	b.Run("add/ours", func(b *testing.B) {
		for i := int64(1); b.Loop(); i++ {
			ours.Add("shard-0", i*1000%1_000_000_007, 1)
		}
	})
	b.Run("add/DataDog", func(b *testing.B) {
		for i := int64(1); b.Loop(); i++ {
			if err := theirs.Add(float64(i * 1000 % 1_000_000_007)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("p99/ours", func(b *testing.B) {
		for b.Loop() {
			ours.Quantile(0.99)
		}
	})
	b.Run("p99/DataDog", func(b *testing.B) {
		for b.Loop() {
			if _, err := theirs.GetValueAtQuantile(0.99); err != nil {
				b.Fatal(err)
			}
		}
	})
}
