package crdt_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"unsafe"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

func TestGCounter(t *testing.T) {
	t.Parallel()
	full := counter("a", 1)
	full.Add("a", math.MaxUint64)
	check(t, suite[crdt.GCounter]{
		samples: []crdt.GCounter{
			counter("a", 1), counter("a", 2), counter("b", 1), counter("", 5), counter("b", 9, "a", 1),
			counter("c", 1, "b", 2, "a", 3), counter("long name of an origin", 300), full,
		},
		random: func(r *rand.Rand) (c crdt.GCounter) {
			for range r.IntN(6) {
				c.Add(strconv.Itoa(r.IntN(5)), r.Uint64N(3))
			}
			return c
		},
		updates: []func(*crdt.GCounter) crdt.GCounter{
			func(c *crdt.GCounter) crdt.GCounter { return c.Add("a", 1) },
			func(c *crdt.GCounter) crdt.GCounter { return c.Add("b", 7) },
			func(c *crdt.GCounter) crdt.GCounter { return c.Add("", 2) },
		},
		upSets: []crdt.UpSet[crdt.GCounter]{crdt.AtLeast(0), crdt.AtLeast(3), crdt.AtLeast(math.MaxUint64)},
		golden: "gcounter",
		goldens: map[string]crdt.GCounter{
			"bottom": {}, "one origin": counter("shard-7", 300), "nameless origin": counter("", 1),
			"three origins": counter("c", 3, "a", 1, "b", 2), "full": full,
		},
		json: map[string]string{
			"bottom": `{"value":0,"origins":{}}`, "nameless origin": `{"value":1,"origins":{"":1}}`,
			"three origins": `{"value":6,"origins":{"a":1,"b":2,"c":3}}`,
			"full":          `{"value":18446744073709551615,"origins":{"a":18446744073709551615}}`,
		},
	})
}

func TestGCounterHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[crdt.GCounter, uint64, uint64]{
		cumulative: true,
		op:         rapid.Uint64Range(0, 3),
		apply:      func(c *crdt.GCounter, origin string, op uint64) crdt.GCounter { return c.Add(origin, op) },
		read:       func(c *crdt.GCounter) uint64 { return c.Value() },
		reference: func(known []*event[uint64]) (sum uint64) {
			for _, e := range known {
				sum += e.op
			}
			return sum
		},
	})
}

func TestGCounterIsSmall(t *testing.T) {
	t.Parallel()
	if size := unsafe.Sizeof(crdt.GCounter{}); size > 32 {
		t.Errorf("a GCounter has %d bytes, more than 32: there are millions of them", size)
	}
}

//nolint:paralleltest // AllocsPerRun must not run at the same time as other tests
func TestGCounterAddDoesNotAllocate(t *testing.T) {
	var c crdt.GCounter
	c.Add("shard-0", 1)
	if n := testing.AllocsPerRun(100, func() { c.Add("shard-0", 1) }); n != 0 {
		t.Errorf("Add to the only origin allocates %v times", n)
	}
	var d crdt.GCounter
	if n := testing.AllocsPerRun(100, func() { d.Merge(&c) }); n != 0 {
		t.Errorf("Merge of one origin allocates %v times", n)
	}
}

func TestGCounterSaturates(t *testing.T) {
	t.Parallel()
	var c crdt.GCounter
	c.Add("a", math.MaxUint64-1)
	if d := c.Add("a", 5); d.Value() != math.MaxUint64 || c.Value() != math.MaxUint64 {
		t.Errorf("want the largest number, got %d with delta %d", c.Value(), d.Value())
	}
	if d := c.Add("a", 1); d != (crdt.GCounter{}) {
		t.Errorf("want no delta where nothing changed, got %d", d.Value())
	}
	if c.Add("b", 7); c.Value() != math.MaxUint64 {
		t.Errorf("the sum of two origins wrapped to %d", c.Value())
	}
}

func TestGCounterAddOfZeroIsNothing(t *testing.T) {
	t.Parallel()
	var c crdt.GCounter
	for _, origin := range []string{"", "a", "b"} {
		if d := c.Add(origin, 0); c != (crdt.GCounter{}) || d != (crdt.GCounter{}) {
			t.Errorf("counting 0 for %q left a trace", origin)
		}
	}
}

// TestGCounterAgainstModel adds and merges at random and compares with a plain map.
func TestGCounterAgainstModel(t *testing.T) {
	t.Parallel()
	origins := rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e"})
	rapid.Check(t, func(t *rapid.T) {
		var c [2]crdt.GCounter
		model := [2]map[string]uint64{{}, {}}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			i := rapid.IntRange(0, 1).Draw(t, "counter")
			if rapid.IntRange(0, 4).Draw(t, "merge") == 0 {
				grew := false
				for origin, n := range model[1-i] {
					grew = grew || n > model[i][origin]
					model[i][origin] = max(model[i][origin], n)
				}
				if got := c[i].Merge(&c[1-i]); got != grew {
					t.Fatalf("Merge returned %v, want %v", got, grew)
				}
				continue
			}
			origin, n := origins.Draw(t, "origin"), rapid.Uint64Range(0, 3).Draw(t, "n")
			before := crdt.Clone(&c[i])
			delta := c[i].Add(origin, n)
			model[i][origin] += n
			if grew := before.Merge(&delta); grew != (n > 0) || encode(t, &before) != encode(t, &c[i]) {
				t.Fatalf("merging the delta of Add(%q, %d) gives another counter", origin, n)
			}
			if n == 0 && delta != (crdt.GCounter{}) || n > 0 && delta.Value() != model[i][origin] {
				t.Fatalf("the delta of Add(%q, %d) carries %d of %d", origin, n, delta.Value(), model[i][origin])
			}
		}
		for i := range c {
			var sum uint64
			var rebuilt crdt.GCounter
			for origin, n := range model[i] {
				sum += n
				rebuilt.Add(origin, n)
			}
			if c[i].Value() != sum || encode(t, &c[i]) != encode(t, &rebuilt) {
				t.Fatalf("counter %d is %d, want %d", i, c[i].Value(), sum)
			}
		}
	})
}

// TestGCounterDecodesOntoAnother covers the reuse of the receiver's origin.
func TestGCounterDecodesOntoAnother(t *testing.T) {
	t.Parallel()
	from := counter("a", 1, "b", 2)
	for _, onto := range []crdt.GCounter{{}, counter("a", 9), counter("b", 9), counter("x", 1, "y", 1, "z", 1)} {
		if err := onto.UnmarshalBinary([]byte(encode(t, &from))); err != nil || onto.Value() != 3 {
			t.Errorf("decoded %d, %v; want 3", onto.Value(), err)
		}
	}
}

// Counters that have counted other things under the same names add up once each has a scope, and within a scope they merge as before.
func TestScopedGCounters(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) (c crdt.GCounter) {
			for range rapid.IntRange(0, 6).Draw(t, label) {
				c.Add(rapid.SampledFrom([]string{"", "a", "b", "c", "a/b"}).Draw(t, "origin"), rapid.Uint64Range(1, 100).Draw(t, "n"))
			}
			return c
		}
		x, y := draw("x"), draw("y")
		both, inX, inY := x.Scoped("x"), x.Scoped("x"), y.Scoped("y")
		if both.Merge(&inX) {
			t.Fatalf("the same in the same scope has added something: %v", both)
		}
		both.Merge(&inY)
		if got, want := both.Value(), x.Value()+y.Value(); got != want {
			t.Fatalf("%d in two scopes, want %d", got, want)
		}
		merged, scoped := crdt.Clone(&x), x.Scoped("s")
		merged.Merge(&y)
		yScoped := y.Scoped("s")
		scoped.Merge(&yScoped)
		again := merged.Scoped("s")
		if scoped.Merge(&again) || again.Merge(&scoped) {
			t.Fatalf("scoping does not keep merges: %v, %v", scoped, again)
		}
	})
}
