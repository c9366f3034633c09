package sketch_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"github.com/calmstream/calmstream/crdt/sketch"
	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"
)

// distinct has the elements from one number to below another.
func distinct(from, to int) (d sketch.Distinct) {
	for i := from; i < to; i++ {
		d.Add(strconv.Itoa(i))
	}
	return d
}

func TestDistinct(t *testing.T) {
	t.Parallel()
	upSets := []crdt.UpSet[sketch.Distinct]{}
	for _, n := range []uint64{2, 1000, 1026, 2990} {
		upSets = append(upSets, sketch.DistinctAtLeast(n))
	}
	check(t, suite[sketch.Distinct]{
		samples: []sketch.Distinct{
			sketch.DistinctOf("a"), sketch.DistinctOf("a", "b"), distinct(0, 700), distinct(500, 1500), distinct(0, 1025), distinct(2000, 5000),
			// A list, and registers that have nothing which those of the list would not have.
			raise(t, 0, 1), decode[sketch.Distinct](t, "\x01\x81\x08\x04"+strings.Repeat("\x00", 12287)),
		},
		random: func(r *rand.Rand) sketch.Distinct {
			from := r.IntN(1000)
			return distinct(from, from+r.IntN(1100))
		},
		rounds: 5,
		golden: "distinct",
		goldens: map[string]sketch.Distinct{
			"bottom": {}, "nameless": sketch.DistinctOf(""), "two": sketch.DistinctOf("b", "a", "b"),
		},
		json:   map[string]string{"bottom": `{"estimate":0,"exact":true}`, "two": `{"estimate":2,"exact":true}`},
		upSets: upSets,
	})
}

// TestDistinctGoldenRegisters covers the form for many elements, which has a file of its own.
func TestDistinctGoldenRegisters(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("testdata/distinct_10000.bin")
	if err != nil {
		t.Fatal(err)
	}
	d := distinct(0, 10_000)
	checkGolden(t, "10000", d, string(want))
	if got, err := d.MarshalJSON(); err != nil || string(got) != `{"estimate":9979,"exact":false}` {
		t.Errorf("in JSON it is %s, %v", got, err)
	}
}

// registersOf reads the registers of a Distinct from its bytes: version, 1025, 6 bits each.
func registersOf(t fataler, data string) (ranks [16384]int) {
	t.Helper()
	if !strings.HasPrefix(data, "\x01\x81\x08") || len(data) != 3+12288 {
		t.Fatalf("%.20x… of %d bytes are no registers", data, len(data))
	}
	for i := range ranks {
		for bit := range 6 {
			at := 6*i + bit
			ranks[i] = ranks[i]<<1 | int(data[3+at/8])>>(7-at%8)&1
		}
	}
	return ranks
}

// TestDistinctHistory adds so many elements at once that lists become registers on the way.
func TestDistinctHistory(t *testing.T) {
	t.Parallel()
	const batches, batch = 6, 250
	type view struct {
		estimate int // while it is exact
		ranks    [16384]int
	}
	// Where each element goes, by the digits of its hash.
	var registers, ranks [batches * batch]int
	for i := range registers {
		digits := fmt.Sprintf("%064b", xxhash.Sum64String(strconv.Itoa(i)))
		register, err := strconv.ParseInt(digits[:14], 2, 64)
		if err != nil {
			t.Fatal(err)
		}
		registers[i], ranks[i] = int(register), 1+strings.Index(digits[14:]+"1", "1")
	}
	checkHistory(t, history[sketch.Distinct, int, view]{
		ops: rapid.Map(rapid.IntRange(0, batches-1), func(b int) (all []int) {
			for i := range batch {
				all = append(all, b*batch+i)
			}
			return all
		}),
		apply: func(d *sketch.Distinct, _ string, op int) (delta sketch.Distinct) { return d.Add(strconv.Itoa(op)) },
		read: func(d *sketch.Distinct) view {
			if n := d.Estimate(); n <= 1024 {
				return view{estimate: int(n)}
			}
			return view{ranks: registersOf(t, encode(t, d))}
		},
		reference: func(known []event[int]) (v view) {
			var seen [batches * batch]bool
			for _, e := range known {
				if !seen[e.op] {
					seen[e.op] = true
					v.estimate++
				}
				v.ranks[registers[e.op]] = max(v.ranks[registers[e.op]], ranks[e.op])
			}
			if v.estimate <= 1024 {
				return view{estimate: v.estimate}
			}
			v.estimate = 0
			return v
		},
	})
}

// TestDistinctIsExactWhenSmall counts up to the bound.
func TestDistinctIsExactWhenSmall(t *testing.T) {
	t.Parallel()
	var d sketch.Distinct
	for i := range 1024 {
		if d.Add(strconv.Itoa(i)); d.Estimate() != uint64(i+1) {
			t.Fatalf("%d elements are estimated as %d", i+1, d.Estimate())
		}
	}
	if delta := d.Add("1000"); delta.Estimate() != 0 {
		t.Error("an element that was there has a delta")
	}
	if delta := d.Add("1024"); delta.Estimate() != 1 || d.Estimate() < 1025 {
		t.Errorf("with one more it is %d, and the delta has %d", d.Estimate(), delta.Estimate())
	}
}

// TestDistinctError compares the errors of many sketches of different elements with what the type states.
func TestDistinctError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ n, runs int }{{1100, 100}, {3000, 100}, {20_000, 50}, {60_000, 50}, {200_000, 10}, {1_000_000, 2}} {
		squares, worst := 0.0, 0.0
		for run := range c.runs {
			d := distinct(run*c.n, (run+1)*c.n)
			off := (float64(d.Estimate()) - float64(c.n)) / float64(c.n)
			squares += off * off
			worst = max(worst, math.Abs(off))
		}
		rms := math.Sqrt(squares / float64(c.runs))
		t.Logf("n = %d: %d runs, root mean square of errors %.2f %%, largest %.2f %%", c.n, c.runs, 100*rms, 100*worst)
		// The root mean square of k normal errors has itself a deviation of 1/√(2k).
		if limit := 0.0081 * (1 + 3/math.Sqrt(2*float64(c.runs))); rms > limit || worst > 4*0.0081 {
			t.Errorf("n = %d: the errors are too large", c.n)
		}
	}
}

// raise returns a Distinct of one hash that lifts one register to one rank.
func raise(t fataler, register, rank int) sketch.Distinct {
	h := uint64(register) << 50
	if rank < 51 {
		h |= 1 << (50 - rank)
	}
	return decode[sketch.Distinct](t, "\x01\x01"+string(binary.BigEndian.AppendUint64(nil, h)))
}

// TestDistinctEstimateIsMonotone raises registers one by one, through all levels and at random, also to ranks that no
// real set reaches. The upward closure of DistinctAtLeast rests on it.
func TestDistinctEstimateIsMonotone(t *testing.T) {
	t.Parallel()
	walk := func(name string, steps int, next func(i int) (register, rank int)) {
		d := distinct(0, 1025)
		last := d.Estimate()
		for i := range steps {
			register, rank := next(i)
			one := raise(t, register, rank)
			grew := d.Merge(&one)
			n := d.Estimate()
			if n < last || !grew && n != last {
				t.Fatalf("%s: step %d lifts register %d to %d, and the estimate goes from %d to %d", name, i, register, rank, last, n)
			}
			last = n
		}
		t.Logf("%s: ends at %d", name, last)
	}
	walk("level by level", 51*16384, func(i int) (int, int) { return i % 16384, 1 + i/16384 })
	walk("full one by one", 16384, func(i int) (int, int) { return i, 51 })
	r := rand.New(rand.NewPCG(1, 1))
	walk("any", 300_000, func(int) (int, int) { return r.IntN(16384), 1 + r.IntN(51) })
	walk("as hashes come", 300_000, func(int) (int, int) { return r.IntN(16384), 1 + bits.LeadingZeros64(r.Uint64()|1<<13) })
	walk("one register", 51, func(i int) (int, int) { return 7, 1 + i })
}

func TestDistinctSaturates(t *testing.T) {
	t.Parallel()
	full := decode[sketch.Distinct](t, "\x01\x81\x08"+strings.Repeat("\xcf\x3c\xf3", 4096)) // 110011 = 51
	if n := full.Estimate(); n != math.MaxUint64 {
		t.Errorf("full registers are estimated as %d", n)
	}
	one := decode[sketch.Distinct](t, "\x01\x81\x08\x04"+strings.Repeat("\x00", 12287)) // of more than 1024, by its form
	if n := one.Estimate(); n != 1025 {
		t.Errorf("one register is estimated as %d", n)
	}
}

func TestDistinctRefuses(t *testing.T) {
	t.Parallel()
	two := sketch.DistinctOf("a", "b")
	h := encode(t, &two)[2:]
	refuse(t, two, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, two, crdt.ErrVersion, "version 2", "\x02\x00")
	refuse(t, two, crdt.ErrCorrupt, "cut off", "\x01")
	refuse(t, two, crdt.ErrCorrupt, "shortest form", "\x01\x80\x00")
	refuse(t, two, crdt.ErrCorrupt, "left over", "\x01\x00\x00")
	refuse(t, two, crdt.ErrCorrupt, "more bytes", "\x01\x02"+h[:15])
	refuse(t, two, crdt.ErrCorrupt, "not ascending", "\x01\x02"+h[8:]+h[:8])
	refuse(t, two, crdt.ErrCorrupt, "not ascending", "\x01\x02"+h[:8]+h[:8])
	refuse(t, two, crdt.ErrCorrupt, "more hashes", "\x01\x82\x08"+h)
	refuse(t, two, crdt.ErrCorrupt, "more hashes", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"+h)
	refuse(t, two, crdt.ErrCorrupt, "more bytes", "\x01\x80\x08"+strings.Repeat("x", 8191))
	zeros := strings.Repeat("\x00", 12288)
	refuse(t, two, crdt.ErrCorrupt, "all registers are empty", "\x01\x81\x08"+zeros)
	refuse(t, two, crdt.ErrCorrupt, "rank is larger", "\x01\x81\x08\xd0"+zeros[1:]) // 52
	refuse(t, two, crdt.ErrCorrupt, "more bytes", "\x01\x81\x08\x04"+zeros[2:])
	refuse(t, two, crdt.ErrCorrupt, "left over", "\x01\x81\x08\x04"+zeros)
}

func TestDistinctThreshold(t *testing.T) {
	t.Parallel()
	u := sketch.DistinctAtLeast(3)
	if u.String() != `asserted "distinct >= 3"` {
		t.Errorf("it is called %s", u)
	}
	few, enough := distinct(0, 2), distinct(0, 3)
	if u.Holds(&few) || !u.Holds(&enough) {
		t.Error("2 are 3, or 3 are not")
	}
	if err := crdttest.UpwardClosed(sketch.DistinctAtLeast(4), []sketch.Distinct{few, enough}); err == nil {
		t.Error("4 holds for 3")
	}
}

func FuzzDistinct(f *testing.F) {
	fuzz(f, sketch.DistinctOf("a", "b"), distinct(0, 30), distinct(0, 1025))
}
