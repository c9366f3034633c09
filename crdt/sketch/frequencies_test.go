package sketch_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/sketch"
	"pgregory.net/rapid"
)

type (
	patch  struct{} // so small that elements share counts, and that three counts end the list
	grid   struct{}
	point  struct{}
	plains struct{}
)

func (patch) Grid() sketch.Grid  { return sketch.Grid{Rows: 2, Columns: 5} }
func (grid) Grid() sketch.Grid   { return sketch.Grid{Rows: 4, Columns: 1000} }
func (point) Grid() sketch.Grid  { return sketch.Grid{Rows: -3} }
func (plains) Grid() sketch.Grid { return sketch.Grid{Rows: math.MaxInt, Columns: math.MaxInt} }

// frequencies counts each of some elements once for an origin.
func frequencies[S sketch.Gridded](origin string, elements ...string) (f sketch.Frequencies[S]) {
	for _, x := range elements {
		f.Add(origin, x, 1)
	}
	return f
}

func TestFrequencies(t *testing.T) {
	t.Parallel()
	full := frequencies[patch]("a", "x")
	full.Add("a", "x", math.MaxUint64)
	check(t, suite[sketch.Frequencies[patch]]{
		samples: []sketch.Frequencies[patch]{
			frequencies[patch]("a", "x"), frequencies[patch]("a", "x", "x"), frequencies[patch]("b", "x"), frequencies[patch]("a", "y", "z"),
			merged(frequencies[patch]("a", "x"), frequencies[patch]("", "x", "y")), full,
			frequencies[patch]("a", "1", "2", "3", "4", "5", "6", "7", "8", "9"), frequencies[patch]("c", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
		},
		random: func(r *rand.Rand) (f sketch.Frequencies[patch]) {
			for range r.IntN(10) {
				f.Add(string(rune('a'+r.IntN(3))), strconv.Itoa(r.IntN(6)), uint64(r.IntN(4)))
			}
			return f
		},
		rounds: 100,
		golden: "frequencies_patch",
		goldens: map[string]sketch.Frequencies[patch]{
			"bottom": {}, "one": frequencies[patch]("shard-7", "x"), "full": full,
			"two origins": merged(frequencies[patch]("b", "x", "x"), frequencies[patch]("", "x", "y")),
		},
		json: map[string]string{"bottom": `{"rows":2,"columns":5,"total":0}`, "two origins": `{"rows":2,"columns":5,"total":4}`},
		upSets: []crdt.UpSet[sketch.Frequencies[patch]]{
			sketch.FrequencyAtLeast[patch]("x", 0), sketch.FrequencyAtLeast[patch]("x", 2), sketch.FrequencyAtLeast[patch]("not counted", 1),
			sketch.TotalAtLeast[patch](0), sketch.TotalAtLeast[patch](3), sketch.TotalAtLeast[patch](math.MaxUint64),
		},
	})
}

// TestFrequenciesHistory has elements that share no counts: what shared counts do is a matter of TestFrequenciesError.
func TestFrequenciesHistory(t *testing.T) {
	t.Parallel()
	elements := []string{"", "x", "y", "z", "ada", "grace"}
	alone := frequencies[grid]("a", elements...)
	if parts := 0; true {
		for range alone.Decompose() {
			parts++
		}
		if parts != 4*len(elements) {
			t.Fatal("elements share counts: choose others")
		}
	}
	type op struct {
		x string
		n uint64
	}
	checkHistory(t, history[sketch.Frequencies[grid], op, string]{
		ops: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) op {
			return op{rapid.SampledFrom(elements).Draw(t, "x"), rapid.Uint64Range(0, 3).Draw(t, "n")}
		}), 1, 3),
		carries: func(earlier, op op) bool { return earlier.x == op.x },
		apply: func(f *sketch.Frequencies[grid], origin string, op op) sketch.Frequencies[grid] {
			return f.Add(origin, op.x, op.n)
		},
		read: func(f *sketch.Frequencies[grid]) string {
			counts := map[string]uint64{}
			for _, x := range elements {
				counts[x] = f.Estimate(x)
			}
			return fmt.Sprint(f.Total(), counts)
		},
		reference: func(known []event[op]) string {
			total, counts := uint64(0), map[string]uint64{}
			for _, x := range elements {
				counts[x] = 0
			}
			for _, e := range known {
				total += e.op.n
				counts[e.op.x] += e.op.n
			}
			return fmt.Sprint(total, counts)
		},
	})
}

// TestFrequenciesError counts elements of which few are frequent and most are rare, at three origins, and compares the estimates
// with the counts.
func TestFrequenciesError(t *testing.T) {
	t.Parallel()
	var origins [3]sketch.Frequencies[grid]
	counts, total := map[string]uint64{}, uint64(0)
	r := rand.New(rand.NewPCG(1, 1))
	zipf := rand.NewZipf(r, 1.1, 10, 20_000)
	for range 200_000 {
		x, n := strconv.FormatUint(zipf.Uint64(), 10), uint64(r.IntN(3))
		counts[x] += n
		total += n
		o := r.IntN(3)
		origins[o].Add(string(rune('a'+o)), x, n)
	}
	f := merged(origins[:]...)
	bound, beyond, sum := uint64(math.E/1000*float64(total)), 0, 0.0
	for x, n := range counts {
		got := f.Estimate(x)
		if got < n {
			t.Fatalf("%q was counted %d times and is estimated as %d", x, n, got)
		}
		if got > n+bound {
			beyond++
		}
		sum += float64(got-n) / float64(total)
	}
	share := float64(beyond) / float64(len(counts))
	t.Logf("%d elements, %d in all: %.3f %% beyond the bound, mean error %.4f %% of all", len(counts), total, 100*share, 100*sum/float64(len(counts)))
	if share > math.Exp(-4) || f.Total() != total {
		t.Errorf("more are beyond the bound than stated, or the total %d is not %d", f.Total(), total)
	}
}

// TestFrequenciesTotalOfLostDeltas hears of the second of two elements only, which share a count in one of two rows.
func TestFrequenciesTotalOfLostDeltas(t *testing.T) {
	t.Parallel()
	pairs := 0
	for i := range 10 {
		for j := range i {
			f := frequencies[patch]("a", strconv.Itoa(i))
			delta := f.Add("a", strconv.Itoa(j), 1)
			parts := 0
			for range f.Decompose() {
				parts++
			}
			if parts == 3 {
				pairs++
				if delta.Total() != 2 {
					t.Errorf("%d and %d: the total is %d, and one row knows of 2", i, j, delta.Total())
				}
			}
		}
	}
	if pairs < 5 {
		t.Errorf("only %d pairs share a count", pairs)
	}
}

func TestFrequenciesSaturate(t *testing.T) {
	t.Parallel()
	f := frequencies[grid]("a", "x")
	f.Add("a", "x", math.MaxUint64)
	if delta := f.Add("a", "x", 1); delta.Total() != 0 {
		t.Error("a full count has a delta")
	}
	if f.Add("b", "x", 5); f.Estimate("x") != math.MaxUint64 || f.Total() != math.MaxUint64 {
		t.Errorf("two origins add up to %d, %d", f.Estimate("x"), f.Total())
	}
	before := encode(t, &f)
	if delta := f.Add("c", "x", 0); delta.Total() != 0 || encode(t, &f) != before {
		t.Error("to count nothing leaves a trace")
	}
}

func TestFrequenciesSizesAreKeptInRange(t *testing.T) {
	t.Parallel()
	p := frequencies[point]("a", "x", "y")
	if p.Estimate("z") != 2 || encode(t, &p) != "\x01\x01\x01\x01\x01a\x01\x00\x02" {
		t.Errorf("the smallest grid is %x", encode(t, &p))
	}
	l := frequencies[plains]("a", "x")
	if l.Estimate("x") != 1 || l.Estimate("y") != 0 || encode(t, &l)[:5] != "\x01\x10\x80\x80\x04" {
		t.Errorf("the largest grid is %x", encode(t, &l))
	}
}

func TestFrequenciesRefuse(t *testing.T) {
	t.Parallel()
	f := frequencies[patch]("a", "x")
	const size = "\x01\x02\x05"
	refuse(t, f, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, f, crdt.ErrVersion, "version 2", "\x02\x02\x05\x00")
	refuse(t, f, crdt.ErrCorrupt, "another grid", "\x01\x03\x05\x00")
	refuse(t, f, crdt.ErrCorrupt, "another grid", "\x01\x02\x06\x00")
	refuse(t, f, crdt.ErrCorrupt, "cut off", "\x01\x02")
	refuse(t, f, crdt.ErrCorrupt, "cut off", size)
	refuse(t, f, crdt.ErrCorrupt, "too large", size+"\x01\x01a\x01\x0a\x01")
	refuse(t, f, crdt.ErrCorrupt, "too large", size+"\x01\x01a\x02\x09\x01\x00\x01")
	refuse(t, f, crdt.ErrCorrupt, "count is 0", size+"\x01\x01a\x01\x09\x00")
	refuse(t, f, crdt.ErrCorrupt, "not ascending", size+"\x02\x01b\x01\x00\x01\x01a\x01\x00\x01")
	refuse(t, f, crdt.ErrCorrupt, "left over", size+"\x00\x00")
}

func TestFrequencyThresholdNames(t *testing.T) {
	t.Parallel()
	if got, want := sketch.FrequencyAtLeast[patch]("a", 3).String(), `asserted "frequency of \"a\" >= 3"`; got != want {
		t.Errorf("it is called %s, want %s", got, want)
	}
	if got, want := sketch.TotalAtLeast[patch](3).String(), `asserted "total >= 3"`; got != want {
		t.Errorf("it is called %s, want %s", got, want)
	}
}

func FuzzFrequencies(f *testing.F) {
	fuzz(f, frequencies[patch]("a", "x"), merged(frequencies[patch]("a", "1", "2", "3"), frequencies[patch]("", "x")))
}
