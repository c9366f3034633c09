package crdt_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

// dots makes a context from words such as "a:1 a:2 b:7" and "a:5-9".
func dots(words string) (c crdt.DotContext) {
	for _, word := range strings.Fields(words) {
		origin, numbers, _ := strings.Cut(word, ":")
		var lo, hi uint64
		if n, _ := fmt.Sscanf(numbers, "%d-%d", &lo, &hi); n == 1 {
			hi = lo
		}
		for n := lo; n <= hi; n++ {
			c.Add(crdt.DotOf(origin, n))
		}
	}
	return c
}

func randomDots(r *rand.Rand) (c crdt.DotContext) {
	for range r.IntN(12) {
		c.Add(crdt.DotOf(string(rune('a'+r.IntN(3))), 1+r.Uint64N(9)))
	}
	return c
}

func TestDotContext(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.DotContext]{
		samples: []crdt.DotContext{
			dots("a:1"), dots("a:2"), dots("a:1-3"), dots("a:1 a:3"), dots("a:2 a:4-6"), dots("b:1-2"), dots("a:1-2 b:2"), dots("b:1 c:9"),
		},
		random: randomDots,
		golden: "dotcontext",
		goldens: map[string]crdt.DotContext{
			"bottom": {}, "vector": dots("a:1-300 shard-7:1-2"), "exceptions": dots("a:1-3 a:5 a:8-9 b:2-3"), "nameless": dots(":1"),
		},
		json: map[string]string{
			"bottom": `{}`, "vector": `{"a":"1-300","shard-7":"1-2"}`, "exceptions": `{"a":"1-3,5,8-9","b":"2-3"}`,
		},
	})
}

func TestDotContextRefuses(t *testing.T) {
	t.Parallel()
	c := dots("x:1-2 x:4")
	const far = "ff ff ff ff ff ff ff ff ff 01" // the largest number
	for _, bad := range []struct{ why, digits string }{
		{"no version byte", ""},
		{"cut off", "01"},
		{"has no dots", "01 01 0161 00 00"},
		{"not ascending", "01 02 0162 01 00 0161 01 00"},
		{"not ascending", "01 02 0161 01 00 0161 02 00"},
		{"more items", "01 7f 0161 01 00"},
		{"more items", "01 01 0161 01 7f 00 00"},
		{"exceeds 64 bits", "01 01 0161 01 01 00 " + far},
		{"exceeds 64 bits", "01 01 0161 01 01 " + far + " 00"},
		{"exceeds 64 bits", "01 01 0161 " + far + " 01 00 00"},
		{"exceeds 64 bits", "01 01 0161 01 02 00 fe ff ff ff ff ff ff ff ff 01 00 00"},
		{"left over", "01 00 00"},
	} {
		refuse(t, c, crdt.ErrCorrupt, bad.why, bad.digits)
	}
	refuse(t, c, crdt.ErrVersion, "version 2", "02 00")
}

func FuzzDotContext(f *testing.F) { fuzz(f, dots("a:1-3 a:5 b:2"), dots("c:1")) }

// TestDotContextAgainstModel adds and merges at random and compares with a plain map.
func TestDotContextAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var c [2]crdt.DotContext
		model := [2]map[crdt.Dot]bool{{}, {}}
		draw := func() crdt.Dot {
			return crdt.DotOf(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "origin"), rapid.Uint64Range(1, 12).Draw(t, "n"))
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			i := rapid.IntRange(0, 1).Draw(t, "context")
			if rapid.IntRange(0, 6).Draw(t, "merge") == 0 {
				grew := false
				for d := range model[1-i] {
					grew = grew || !model[i][d]
					model[i][d] = true
				}
				if got := c[i].Merge(&c[1-i]); got != grew {
					t.Fatalf("Merge returned %v, want %v", got, grew)
				}
				continue
			}
			d := draw()
			delta := c[i].Add(d)
			if got := delta.Contains(d); got == model[i][d] || delta.Count() > 1 {
				t.Fatalf("the delta of adding %v is %v", d, slices.Collect(delta.All()))
			}
			model[i][d] = true
		}
		for i := range c {
			var rebuilt crdt.DotContext
			highest := map[string]uint64{}
			for d := range model[i] {
				rebuilt.Add(d)
				highest[d.Origin()] = max(highest[d.Origin()], d.Number())
			}
			if encode(t, &rebuilt) != encode(t, &c[i]) || c[i].Count() != uint64(len(model[i])) {
				t.Fatalf("got %v, want %v", slices.Collect(c[i].All()), model[i])
			}
			for _, o := range []string{"a", "b", "c"} {
				if next := c[i].Next(o); next != crdt.DotOf(o, highest[o]+1) {
					t.Fatalf("the next dot is %v after %v", next, slices.Collect(c[i].All()))
				}
			}
			d := draw()
			if c[i].Contains(d) != model[i][d] {
				t.Fatalf("Contains(%v) is %v", d, !model[i][d])
			}
		}
	})
}

func TestDotContextAtItsEnds(t *testing.T) {
	t.Parallel()
	var c crdt.DotContext
	none := crdt.DotOf("a", 0)
	if delta := c.Add(none); c.Contains(none) || c.Count() != 0 || delta.Count() != 0 || none != (crdt.Dot{}) {
		t.Error("the zero Dot is none, and cannot be added")
	}
	if none.Origin() != "" || none.Number() != 0 || none.String() != "none" {
		t.Errorf("the zero Dot is %q %d %q", none.Origin(), none.Number(), none)
	}
	last := crdt.DotOf("a", math.MaxUint64)
	c.Add(last)
	c.Add(crdt.DotOf("a", math.MaxUint64-1))
	c.Add(last)
	if next := c.Next("a"); next != none || c.Count() != 2 {
		t.Errorf("after the last of all dots comes %v, and there are %d", next, c.Count())
	}
	if next := c.Next("b"); next.String() != "b:1" || next.Origin() != "b" || next.Number() != 1 {
		t.Errorf("the first dot is %v", next)
	}
	var all crdt.DotContext
	if err := all.UnmarshalBinary([]byte("\x01\x01\x01a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00")); err != nil {
		t.Fatal(err)
	}
	if all.Count() != math.MaxUint64 || all.Merge(&c) || grows(all.Add(last)) {
		t.Error("a context of all dots of an origin grows")
	}
	for d := range all.All() { // it can be left
		if d.Number() == 3 {
			break
		}
	}
}

// TestDotContextKeepsGaps is what sets it apart from a version vector.
func TestDotContextKeepsGaps(t *testing.T) {
	t.Parallel()
	c := dots("a:1 a:3")
	if c.Contains(crdt.DotOf("a", 2)) {
		t.Error("a dot that never came is known")
	}
	if got := encode(t, &c); len(got) != len("\x01\x01\x01a\x01\x01\x00\x00") {
		t.Errorf("one gap takes %d bytes", len(got))
	}
	c.Add(crdt.DotOf("a", 2))
	if full := dots("a:1-3"); encode(t, &c) != encode(t, &full) {
		t.Error("a gap that was filled is still there")
	}
}

// TestDotContextInAnyOrder adds many dots in the worst orders. What it costs does not grow with how many there are.
func TestDotContextInAnyOrder(t *testing.T) {
	t.Parallel()
	const n = 100_000
	r := rand.New(rand.NewPCG(1, 2))
	orders := map[string]func(i int) int{
		"backwards":     func(i int) int { return n - i },
		"odd then even": func(i int) int { return 1 + (2*i)%n + i/(n/2) },
	}
	shuffled := r.Perm(n)
	orders["random"] = func(i int) int { return 1 + shuffled[i] }
	for name, order := range orders {
		var c crdt.DotContext
		for i := range n {
			c.Add(crdt.DotOf("a", uint64(order(i))))
		}
		if c.Count() != n || len(encode(t, &c)) > 12 {
			t.Errorf("%s: %d dots in %d bytes", name, c.Count(), len(encode(t, &c)))
		}
	}
}

// grows says that a delta is above the bottom.
func grows(delta crdt.DotContext) bool { return delta.Count() > 0 }

func TestDotIsSmall(t *testing.T) {
	t.Parallel()
	if size := unsafe.Sizeof(crdt.Dot{}); size != 16 {
		t.Errorf("a Dot has %d bytes, and the documentation says 16", size)
	}
	if size := unsafe.Sizeof(crdt.DotContext{}); size != 32 {
		t.Errorf("a DotContext has %d bytes, and the documentation says 32", size)
	}
}

func TestSawIsUpwardClosed(t *testing.T) {
	t.Parallel()
	sets := []crdt.AWSet[string]{fruit("+a:fig"), fruit("+a:fig +b:pear"), fruit("+a:fig -fig"), fruit("+b:fig +b:pear")}
	crdttest.CheckUpSet(t, crdt.Saw[crdt.AWSet[string]](dots("a:1 b:1")), sets)
	crdttest.CheckUpSet(t, crdt.Superseded[crdt.AWSet[string]](crdt.DotOf("a", 1)), sets)
	for got, want := range map[string]string{
		crdt.Saw[crdt.AWSet[string]](dots("b:1 a:1-2")).String():                            `saw {"a":"1-2","b":"1"}`,
		crdt.Superseded[crdt.AWSet[string]](crdt.DotOf("a", 1)).String():                    `superseded "a:1"`,
		crdt.Saw[crdt.AWSet[string]](crdt.DotContext{}).String():                            `saw {}`,
		fmt.Sprint(crdt.Saw[crdt.AWSet[string]](dots("a:1")).Holds(&sets[0])):               "true",
		fmt.Sprint(crdt.Saw[crdt.AWSet[string]](dots("a:2")).Holds(&sets[0])):               "false",
		fmt.Sprint(crdt.Superseded[crdt.AWSet[string]](crdt.DotOf("z", 1)).Holds(&sets[2])): "false",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
