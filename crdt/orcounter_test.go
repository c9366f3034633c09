package crdt_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

// counted makes a counter by steps such as "a:3", "b:-2", "a:fold" and "reset".
func counted(steps string) crdt.ORCounter {
	return after(steps, func(c *crdt.ORCounter, origin, what string) {
		switch n, _ := strconv.ParseInt(what, 10, 64); what {
		case "reset":
			c.Reset()
		case "fold":
			c.Fold(origin)
		default:
			c.Add(origin, n)
		}
	})
}

func TestORCounter(t *testing.T) {
	t.Parallel()
	concurrent := join(counted("a:3 reset"), counted("b:2"))
	check(t, suite[crdt.ORCounter]{
		coarse: true, // a dot stands for different operations in different samples
		samples: []crdt.ORCounter{
			counted("a:3"), counted("a:4"), counted("b:3"), counted("a:3 a:-3"), counted("a:3 a:5 a:fold"), concurrent, counted("a:3 reset"),
		},
		random: func(r *rand.Rand) (c crdt.ORCounter) {
			for range r.IntN(5) {
				switch c.Add(string(rune('a'+r.IntN(2))), r.Int64N(5)-2); r.IntN(6) {
				case 0:
					c.Reset()
				case 1:
					c.Fold("a")
				}
			}
			return c
		},
		golden: "orcounter",
		goldens: map[string]crdt.ORCounter{
			"bottom": {}, "one": counted("a:3"), "up and down": counted("a:300 b:-1"), "folded": counted("a:3 a:5 a:fold"), "reset": counted("a:3 reset"),
		},
		json: map[string]string{"bottom": "0", "one": "3", "up and down": "299", "folded": "8", "reset": "0"},
	})
	if nothing := concurrent.Add("a", 0); encode(t, &nothing) != encode(t, new(crdt.ORCounter)) || concurrent.Value() != 2 {
		t.Error("to add nothing is something")
	}
}

func TestORCounterHistory(t *testing.T) {
	t.Parallel()
	const reset, fold = 0, 100
	folds := map[*event[int]][]*event[int]{} // what each fold has folded
	var folded func(e *event[int]) []*event[int]
	overtakes := func(later, earlier *event[int]) bool {
		return earlier.op != reset && (later.op == reset || later.op == fold && slices.Contains(folded(later), earlier))
	}
	folded = func(e *event[int]) []*event[int] {
		own, done := folds[e]
		if done {
			return own
		}
		for _, f := range inForce(sawOf(e), overtakes) {
			if f.origin == e.origin && f.op != reset && (f.op != fold || folded(f) != nil) {
				own = append(own, f)
			}
		}
		if len(own) < 2 {
			own = nil
		}
		folds[e] = own
		return own
	}
	var worth func(e *event[int]) int64
	worth = func(e *event[int]) (sum int64) {
		if e.op != reset && e.op != fold {
			return int64(e.op)
		}
		for _, f := range folded(e) {
			sum += worth(f)
		}
		return sum
	}
	value := func(known []*event[int]) (sum int64) {
		for _, e := range inForce(known, overtakes) {
			if e.op != reset {
				sum += worth(e)
			}
		}
		return sum
	}
	checkHistory(t, history[crdt.ORCounter, int, int64]{
		op: rapid.SampledFrom([]int{1, 2, 5, -3, reset, fold}),
		apply: func(c *crdt.ORCounter, origin string, op int) crdt.ORCounter {
			switch op {
			case reset:
				return c.Reset()
			case fold:
				return c.Fold(origin)
			default:
				return c.Add(origin, int64(op))
			}
		},
		read:      (*crdt.ORCounter).Value,
		reference: value,
	})
}

func TestORCounterSumsExactly(t *testing.T) {
	t.Parallel()
	const high, low = math.MaxInt64, math.MinInt64
	for _, c := range []struct {
		add    []int64
		want   int64
		folded int // how many additions a fold leaves
	}{
		{[]int64{high, 1}, high, 2},
		{[]int64{high, high, high, low, low, low, 3}, 0, 1},
		{[]int64{low, -1}, low, 2},
		{[]int64{low, low, high, high}, -2, 1},
		{[]int64{low}, low, 1},
		{[]int64{-1, 1}, 0, 1},
		{[]int64{high, low}, -1, 1},
	} {
		var x crdt.ORCounter
		for _, n := range c.add {
			x.Add("a", n)
		}
		if x.Value() != c.want {
			t.Errorf("%v is %d, want %d", c.add, x.Value(), c.want)
		}
		if x.Fold("a"); x.Value() != c.want || x.Len() != c.folded {
			t.Errorf("%v is %d in %d parts when folded, want %d in %d", c.add, x.Value(), x.Len(), c.want, c.folded)
		}
	}
}

func TestFoldIsForOnesOwn(t *testing.T) {
	t.Parallel()
	var a, b crdt.ORCounter
	for range 3 {
		delta := a.Add("a", 2)
		b.Merge(&delta)
	}
	if delta := b.Fold("b"); encode(t, &delta) != encode(t, new(crdt.ORCounter)) || b.Len() != 3 {
		t.Error("b folded what a added")
	}
	delta := a.Fold("a")
	b.Merge(&delta)
	if again := a.Fold("a"); encode(t, &again) != encode(t, new(crdt.ORCounter)) || a.Value() != 6 || b.Value() != 6 || b.Len() != 1 {
		t.Errorf("folded: %d here, %d there in %d parts", a.Value(), b.Value(), b.Len())
	}
}

// TestFoldHasTheResetAnomaly shows what the documentation of Fold warns of, and that there is none without a fold.
func TestFoldHasTheResetAnomaly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fold bool
		want int64
	}{{false, 1}, {true, 6}} {
		var here, there crdt.ORCounter
		here.Add("here", 2)
		here.Add("here", 3)
		there.Merge(&here)
		reset := there.Reset() // knows of 2 and 3
		here.Add("here", 1)
		if c.fold {
			here.Fold("here") // at the same time
		}
		if here.Merge(&reset); here.Value() != c.want {
			t.Errorf("with a fold: %v. The value is %d, want %d", c.fold, here.Value(), c.want)
		}
	}
}

func TestORCounterRefuses(t *testing.T) {
	t.Parallel()
	c := counted("a:3")
	refuse(t, c, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, c, crdt.ErrCorrupt, "value of dot a:1", "01 01 0161 01 00 01 00 01 02 01 80")
	refuse(t, c, crdt.ErrVersion, "version 3", "03")
}

func FuzzORCounter(f *testing.F) { fuzz(f, counted("a:3 b:-2 a:5"), counted("a:3 a:5 a:fold")) }
