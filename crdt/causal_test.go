package crdt_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// Stores under test, as a user would nest them.
type (
	flags   = crdt.DotMap[string, crdt.DotSet, *crdt.DotSet]
	levels  = crdt.DotFun[crdt.Max[int], *crdt.Max[int]]
	shelves = crdt.DotMap[int, levels, *levels]
	house   = crdt.DotMap[string, shelves, *shelves]

	causalSet    = crdt.Causal[crdt.DotSet, *crdt.DotSet]
	causalLevels = crdt.Causal[levels, *levels]
	causalFlags  = crdt.Causal[flags, *flags]
	causalHouse  = crdt.Causal[house, *house]
)

// furnish makes a house by steps such as "a:hall/3=7" (origin a puts 7 on shelf 3 of the hall, beside what is there), "a:hall/3:=7" (it replaces
// what is there), "-hall/3", "-hall" and "-" (take out).
func furnish(steps string) (c causalHouse) {
	for _, step := range strings.Fields(steps) {
		furnishOne(&c, step)
	}
	return c
}

func furnishOne(c *causalHouse, step string) (delta causalHouse) {
	origin, path, _ := strings.Cut(step, ":")
	out, take := strings.CutPrefix(step, "-")
	if take {
		origin, path = "", out
	}
	path, value, _ := strings.Cut(path, "=")
	path, replace := strings.CutSuffix(path, ":")
	room, shelf, deep := strings.Cut(path, "/")
	at, _ := strconv.Atoi(shelf)
	n, _ := strconv.Atoi(value)
	return c.Update(origin, func(h *house, c *crdt.Clock) {
		switch {
		case take && room == "":
			h.Clear(c)
			return
		case take && !deep:
			h.Remove(c, room)
			return
		}
		h.Update(c, room, func(s *shelves, c *crdt.Clock) {
			if take {
				s.Remove(c, at)
				return
			}
			s.Update(c, at, func(l *levels, c *crdt.Clock) {
				if replace {
					l.Replace(c, crdt.MaxOf(n))
				} else {
					l.Put(c, crdt.MaxOf(n))
				}
			})
		})
	})
}

func setFlags(steps string) (c causalFlags) {
	for _, step := range strings.Fields(steps) {
		origin, name, _ := strings.Cut(step, ":")
		c.Update(origin, func(f *flags, c *crdt.Clock) {
			if origin == "-" {
				f.Remove(c, name)
				return
			}
			f.Update(c, name, func(s *crdt.DotSet, c *crdt.Clock) { s.Renew(c) })
		})
	}
	return c
}

func TestCausalOfDotSet(t *testing.T) {
	t.Parallel()
	renew := func(c causalSet, origin string) causalSet {
		c.Update(origin, func(s *crdt.DotSet, c *crdt.Clock) { s.Renew(c) })
		return c
	}
	clear := func(c causalSet) causalSet {
		c.Update("", func(s *crdt.DotSet, c *crdt.Clock) { s.Clear(c) })
		return c
	}
	on, twice, off := renew(causalSet{}, "a"), renew(renew(causalSet{}, "a"), "a"), clear(renew(causalSet{}, "a"))
	both := join(on, renew(causalSet{}, "b"))
	check(t, suite[causalSet]{
		samples: []causalSet{on, twice, off, both, renew(causalSet{}, "b"), clear(join(both))},
		random: func(r *rand.Rand) (c causalSet) {
			for range r.IntN(4) {
				if c = renew(c, string(rune('a'+r.IntN(3)))); r.IntN(3) == 0 {
					c = clear(c)
				}
			}
			return c
		},
		golden:  "causal_dotset",
		goldens: map[string]causalSet{"bottom": {}, "one": on, "two": both, "none": off},
		json:    map[string]string{"bottom": "[]", "two": `["a:1","b:1"]`},
	})
}

func TestCausalOfDotFun(t *testing.T) {
	t.Parallel()
	put := func(c causalLevels, origin string, n int) causalLevels {
		c.Update(origin, func(l *levels, c *crdt.Clock) { l.Put(c, crdt.MaxOf(n)) })
		return c
	}
	one, two := put(causalLevels{}, "a", 1), put(causalLevels{}, "a", 2) // one dot with two values: two histories of a
	var bottom causalLevels
	bottom.Update("b", func(l *levels, c *crdt.Clock) { l.Put(c, crdt.Max[int]{}) })
	check(t, suite[causalLevels]{
		samples: []causalLevels{one, two, join(one, put(causalLevels{}, "b", 9)), bottom, put(join(bottom), "a", 3)},
		random: func(r *rand.Rand) (c causalLevels) {
			for range r.IntN(4) {
				c = put(c, string(rune('a'+r.IntN(3))), r.IntN(4))
			}
			return c
		},
		golden:  "causal_dotfun",
		goldens: map[string]causalLevels{"bottom": {}, "one": one, "two": put(join(one), "b", 150), "of bottom": bottom},
		json:    map[string]string{"bottom": "{}"},
	})
}

// TestUpdatesThatDoNothing have no delta, not even a dot.
func TestUpdatesThatDoNothing(t *testing.T) {
	t.Parallel()
	c := setFlags("a:x")
	before := encode(t, &c)
	delta := c.Update("a", func(f *flags, c *crdt.Clock) {
		f.Remove(c, "y")
		f.Update(c, "y", func(*crdt.DotSet, *crdt.Clock) {})
		f.Update(c, "x", func(*crdt.DotSet, *crdt.Clock) {})
		f.Update(c, "y", func(s *crdt.DotSet, c *crdt.Clock) { s.Clear(c) })
	})
	if encode(t, &delta) != encode(t, new(causalFlags)) || encode(t, &c) != before {
		t.Error("nothing was done, and something changed")
	}
}

// TestOneUpdateMayDoSeveralThings whose dots are of one delta, those that came and went included.
func TestOneUpdateMayDoSeveralThings(t *testing.T) {
	t.Parallel()
	var c causalFlags
	set := func(s *crdt.DotSet, c *crdt.Clock) { s.Renew(c) }
	delta := c.Update("a", func(f *flags, c *crdt.Clock) {
		f.Update(c, "x", set)
		f.Update(c, "y", set)
		f.Update(c, "x", set)
		f.Remove(c, "y")
	})
	if got, err := json.Marshal(delta); string(got) != `{"x":["a:3"]}` || err != nil || encode(t, &delta) != encode(t, &c) {
		t.Errorf("the delta is %s, %v", got, err)
	}
}

// TestAnOriginMayRunOut of dots, in theory and in hostile bytes. Its updates do nothing then, and removals go on.
func TestAnOriginMayRunOut(t *testing.T) {
	t.Parallel()
	var s crdt.AWSet[string]
	const full = "\x01\x01\x01a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x01\x00\x01\x03fig"
	if err := s.UnmarshalBinary([]byte(full)); err != nil {
		t.Fatal(err)
	}
	if delta := s.Add("a", "pear"); encode(t, &s) != full || encode(t, &delta) != "\x01\x00\x00" {
		t.Error("an add without a dot changed the set")
	}
	if s.Add("b", "pear"); !s.Contains("pear") || s.Len() != 2 {
		t.Error("another origin cannot add any more")
	}
	if s.Remove("fig"); s.Contains("fig") {
		t.Error("the element cannot be removed")
	}
}

func TestCausalRefuses(t *testing.T) {
	t.Parallel()
	h := furnish("a:hall/1=5 b:attic/1=6")
	const context = "01 01 0161 03 00" // a:1-3
	for _, bad := range []struct{ why, digits string }{
		{"more items", context + " 7f 0178 01 02 01 00 01 02 01 02"},
		{"a store is empty", context + " 01 0178 00 00 00 00"},
		{"a store is empty", context + " 01 0178 01 02 00 00 00"},
		{"a key comes twice", context + " 02 0178 01 02 01 00 01 02 01 02 0178 01 04 01 00 01 02 01 02"},
		{"a dot comes twice", context + " 02 0178 01 02 02 00 01 02 01 02 00 01 02 01 02 0179 01 04 01 00 01 02 01 02"},
		{"not ascending", context + " 02 0178 01 02 01 00 02 02 01 02 0179 01 04 01 00 00 02 01 02"},
		{"not in the context", context + " 01 0178 01 02 01 00 04 02 01 02"},
		{"value of dot a:1", context + " 01 0178 01 02 01 00 01 02 01 80"},
		{"left over", context + " 01 0178 01 02 01 00 01 02 01 02 00"},
	} {
		refuse(t, h, crdt.ErrCorrupt, bad.why, bad.digits)
	}
	refuse(t, h, crdt.ErrVersion, "value of dot a:1", context+" 01 0178 01 02 01 00 01 02 07 02")
}

func TestCausalReportsValuesThatDoNotEncode(t *testing.T) {
	t.Parallel()
	type mutes = crdt.DotFun[mute, *mute]
	var c crdt.Causal[mutes, *mutes]
	c.Update("a", func(m *mutes, c *crdt.Clock) { m.Put(c, mute{Max: crdt.MaxOf(1)}) })
	b, err := c.AppendBinary([]byte("before"))
	if !errors.Is(err, errMute) || err.Error() != "crdt: encode Causal: value of dot a:1: mute" || string(b) != "before" {
		t.Errorf("got %q, %v", b, err)
	}
}

func FuzzCausal(f *testing.F) {
	fuzz(f, furnish("a:hall/1=5 b:attic/1=6 a:hall/1=7 b:hall/2=8"), furnish("a:hall/1=5 a:hall/1:=6 -hall"))
}
