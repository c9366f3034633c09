package crdt_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

// Maps under test.
type (
	tags  = crdt.ORMap[string, crdt.AWSetStore[string], *crdt.AWSetStore[string]]
	carts = crdt.ORMap[string, crdt.ORCounterStore, *crdt.ORCounterStore]
)

// tagged makes a map of sets by steps such as "a:x/fig" (origin a adds fig to the set of x), "a:x/-fig" (removes it) and "-x".
func tagged(steps string) tags { return after(steps, tag) }

func tag(m *tags, origin, what string) { tagOne(m, origin, what) }

func tagOne(m *tags, origin, what string) tags {
	if k, ok := strings.CutPrefix(what, "-"); ok {
		return m.Remove(k)
	}
	k, x, _ := strings.Cut(what, "/")
	return m.Update(origin, k, func(s *crdt.AWSetStore[string], c *crdt.Clock) {
		if x, ok := strings.CutPrefix(x, "-"); ok {
			s.Remove(c, x)
		} else {
			s.Add(c, x)
		}
	})
}

func TestORMap(t *testing.T) {
	t.Parallel()
	removed := tagged("a:x/fig a:x/nut")
	added := crdt.Clone(&removed)
	removed.Remove("x")
	tagOne(&added, "b", "x/pear")
	back := join(removed, added)
	check(t, suite[tags]{
		coarse: true, // a dot stands for different operations in different samples
		samples: []tags{
			tagged("a:x/fig"), tagged("a:y/fig"), tagged("a:x/nut"), tagged("a:x/fig -x"), tagged("a:x/fig b:y/nut"), removed, added, back,
		},
		random: func(r *rand.Rand) tags {
			steps := []string{"a:x/fig", "b:x/nut", "a:x/-nut", "b:y/fig", "-x", "a:x/pear"}
			r.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
			return tagged(strings.Join(steps[:r.IntN(7)], " "))
		},
		golden: "ormap_string_awset_string",
		goldens: map[string]tags{
			"bottom": {}, "one": tagged("a:x/fig"), "two": tagged("a:y/fig a:x/nut b:y/pear"), "removed": removed, "back": back,
		},
		json: map[string]string{"bottom": "{}", "two": `{"x":["nut"],"y":["fig","pear"]}`, "removed": "{}", "back": `{"x":["pear"]}`},
	})
}

func TestORMapHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[tags, string, string]{
		op: rapid.SampledFrom([]string{"x/fig", "x/fig", "x/nut", "x/-fig", "y/fig", "y/nut", "-x", "-y"}),
		apply: func(m *tags, origin, op string) tags {
			return tagOne(m, origin, op)
		},
		read: func(m *tags) string {
			shown, err := json.Marshal(*m)
			return fmt.Sprint(string(shown), err)
		},
		reference: func(known []*event[string]) string {
			left := inForce(known, func(later, earlier *event[string]) bool {
				k, x, _ := strings.Cut(earlier.op, "/")
				return !strings.Contains(earlier.op, "-") && slices.Contains([]string{earlier.op, k + "/-" + x, "-" + k}, later.op)
			})
			all := map[string][]string{}
			for _, e := range left {
				if k, x, _ := strings.Cut(e.op, "/"); !strings.Contains(e.op, "-") && !slices.Contains(all[k], x) {
					all[k] = append(all[k], x)
					slices.Sort(all[k])
				}
			}
			shown, err := json.Marshal(all)
			return fmt.Sprint(string(shown), err)
		},
	})
}

func TestORMapReads(t *testing.T) {
	t.Parallel()
	m := tagged("a:x/fig a:z/nut a:y/pear a:y/fig -z")
	if keys := slices.Collect(m.Keys()); m.Len() != 2 || !slices.Equal(keys, []string{"x", "y"}) || m.Contains("z") || !m.Contains("x") {
		t.Errorf("%d keys: %v", m.Len(), keys)
	}
	s, ok := m.Get("y")
	before := encode(t, &m)
	tagOne(&m, "a", "y/nut")
	if !ok || s.Len() != 2 || encode(t, &m) == before {
		t.Errorf("Get gives a set of %d that changes with the map", s.Len())
	}
	if !m.View("y", func(s *crdt.AWSetStore[string]) { ok = s.Contains("nut") }) || !ok {
		t.Error("View does not show what is there")
	}
	if _, ok := m.Get("z"); ok || m.View("z", func(*crdt.AWSetStore[string]) { t.Error("shown") }) {
		t.Error("a removed key has a value")
	}
}

// nesting is a key of a map that is removed and updated at the same time.
func nesting[S any, P crdt.DotStore[S]](t *testing.T, name, want string, known, meanwhile func(s *S, c *crdt.Clock)) {
	t.Helper()
	var here, there crdt.ORMap[string, S, P]
	delta := here.Update("here", "k", known)
	there.Merge(&delta)
	removed := there.Remove("k")
	updated := here.Update("here", "k", meanwhile)
	here.Merge(&removed)
	there.Merge(&updated)
	shown, err := json.Marshal(here)
	if string(shown) != want || err != nil || encode(t, &here) != encode(t, &there) {
		t.Errorf("%s: %s, %v; want %s", name, shown, err, want)
	}
}

// TestKeyRemovedDuringAnUpdate is the claim that nothing comes back but the update: no reset anomaly, whatever is in the map.
func TestKeyRemovedDuringAnUpdate(t *testing.T) {
	t.Parallel()
	type inner = crdt.DotMap[int, crdt.MVRegisterStore[string], *crdt.MVRegisterStore[string]]
	nesting(t, "set", `{"k":["nut"]}`,
		func(s *crdt.AWSetStore[string], c *crdt.Clock) { s.Add(c, "fig"); s.Add(c, "pear") },
		func(s *crdt.AWSetStore[string], c *crdt.Clock) { s.Add(c, "nut"); s.Remove(c, "pear") })
	nesting(t, "remove-wins set", `{"k":["nut"]}`,
		func(s *crdt.RWSetStore[string], c *crdt.Clock) { s.Add(c, "fig"); s.Remove(c, "date") },
		func(s *crdt.RWSetStore[string], c *crdt.Clock) { s.Add(c, "nut"); s.Remove(c, "fig") })
	nesting(t, "register", `{"k":["b"]}`,
		func(r *crdt.MVRegisterStore[string], c *crdt.Clock) { r.Write(c, "a") },
		func(r *crdt.MVRegisterStore[string], c *crdt.Clock) { r.Write(c, "b") })
	nesting(t, "cleared register", `{}`,
		func(r *crdt.MVRegisterStore[string], c *crdt.Clock) { r.Write(c, "a") },
		func(r *crdt.MVRegisterStore[string], c *crdt.Clock) { r.Clear(c) })
	nesting(t, "flag", `{"k":true}`,
		func(f *crdt.EWFlagStore, c *crdt.Clock) { f.Enable(c) },
		func(f *crdt.EWFlagStore, c *crdt.Clock) { f.Enable(c) })
	nesting(t, "disable-wins flag", `{"k":false}`,
		func(f *crdt.DWFlagStore, c *crdt.Clock) { f.Enable(c) },
		func(f *crdt.DWFlagStore, c *crdt.Clock) { f.Disable(c) })
	nesting(t, "counter", `{"k":1}`,
		func(n *crdt.ORCounterStore, c *crdt.Clock) { n.Add(c, 5); n.Add(c, 7) },
		func(n *crdt.ORCounterStore, c *crdt.Clock) { n.Add(c, 1) })
	nesting(t, "folded counter", `{"k":13}`, // the anomaly that Fold warns of
		func(n *crdt.ORCounterStore, c *crdt.Clock) { n.Add(c, 5); n.Add(c, 7) },
		func(n *crdt.ORCounterStore, c *crdt.Clock) { n.Add(c, 1); n.Fold(c) })
	nesting(t, "map", `{"k":{"2":["b"]}}`,
		func(m *inner, c *crdt.Clock) {
			m.Update(c, 1, func(r *crdt.MVRegisterStore[string], c *crdt.Clock) { r.Write(c, "a") })
		},
		func(m *inner, c *crdt.Clock) {
			m.Update(c, 2, func(r *crdt.MVRegisterStore[string], c *crdt.Clock) { r.Write(c, "b") })
		})
}

func TestORMapRefuses(t *testing.T) {
	t.Parallel()
	m := tagged("a:x/fig")
	refuse(t, m, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, m, crdt.ErrCorrupt, "ORMap", "01 01 0161 01 00 01 0178 00 00 00")
	refuse(t, m, crdt.ErrCorrupt, "a key comes twice", "01 01 0161 02 00 02 0178 01 00 01 0178 0178 01 00 01 0179")
	refuse(t, m, crdt.ErrVersion, "version 3", "03")
}

func FuzzORMap(f *testing.F) { fuzz(f, tagged("a:x/fig b:y/nut a:x/pear"), tagged("a:x/fig -x")) }

func FuzzORMapOfCounters(f *testing.F) {
	var cart carts
	for i, item := range []string{"milk", "eggs", "milk"} {
		cart.Update("a", item, func(n *crdt.ORCounterStore, c *crdt.Clock) { n.Add(c, int64(i+1)) })
	}
	fuzz(f, cart)
}
