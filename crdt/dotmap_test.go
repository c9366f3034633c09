package crdt_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

func TestCausalOfDotMaps(t *testing.T) {
	t.Parallel()
	samples := []causalHouse{
		furnish("a:hall/1=5"), furnish("a:hall/1=6"), furnish("a:hall/2=5"), furnish("a:attic/1=5"), // one dot at many places
		furnish("a:hall/1=5 a:hall/1:=6"), furnish("a:hall/1=5 b:hall/1=7 a:hall/2=8 -hall/1"), furnish("b:hall/1=5 a:attic/1=5 -hall"),
		furnish("a:hall/1=5 -"),
	}
	check(t, suite[causalHouse]{
		coarse:  true, // a dot stands for different operations in different samples
		samples: samples,
		random:  randomHouse,
		golden:  "causal_dotmap",
		goldens: map[string]causalHouse{
			"bottom": {}, "one": samples[0], "several": furnish("b:hall/1=5 a:hall/2=6 a:attic/-1=7 a:hall/2=8 b:attic/3=9"), "removed": samples[6],
		},
		json: map[string]string{"bottom": "{}"},
	})
	flagged := setFlags("a:y b:x a:x b:z -:z")
	if got, err := json.Marshal(flagged); string(got) != `{"x":["a:2"],"y":["a:1"]}` || err != nil {
		t.Errorf("in JSON: %s, %v", got, err)
	}
}

func randomHouse(r *rand.Rand) causalHouse {
	replicas := make([]causalHouse, 2)
	for range r.IntN(8) {
		i := r.IntN(2)
		switch room := []string{"hall", "attic"}[r.IntN(2)]; r.IntN(6) {
		case 0:
			replicas[i].Merge(&replicas[1-i])
		case 1:
			furnishOne(&replicas[i], "-"+room)
		default:
			furnishOne(&replicas[i], fmt.Sprintf("%c:%s/%d%s%d", 'a'+i, room, r.IntN(2), []string{"=", ":="}[r.IntN(2)], r.IntN(3)))
		}
	}
	return replicas[0]
}

// TestDotMapHistory compares a map of maps of values with what its steps mean.
func TestDotMapHistory(t *testing.T) {
	t.Parallel()
	type step struct{ path, value string }
	checkHistory(t, history[causalHouse, step, map[string][]int]{
		op: rapid.Custom(func(t *rapid.T) step {
			return step{
				rapid.SampledFrom([]string{"", "hall", "hall/1", "hall/1", "hall/2", "attic/1", "attic/1"}).Draw(t, "path"),
				rapid.SampledFrom([]string{"-", "=1", "=2", ":=3"}).Draw(t, "value"),
			}
		}),
		apply: func(c *causalHouse, origin string, op step) causalHouse {
			if op.value == "-" || !strings.Contains(op.path, "/") {
				return furnishOne(c, "-"+op.path)
			}
			return furnishOne(c, origin+":"+op.path+op.value)
		},
		read: func(c *causalHouse) map[string][]int {
			all := map[string][]int{}
			c.View(func(h *house) {
				for room := range h.Keys() {
					h.View(room, func(s *shelves) {
						for shelf := range s.Keys() {
							l, _ := s.Get(shelf)
							for _, v := range l.All() {
								n, _ := v.Value()
								all[fmt.Sprintf("%s/%d", room, shelf)] = append(all[fmt.Sprintf("%s/%d", room, shelf)], n)
							}
						}
					})
				}
			})
			for _, ns := range all {
				slices.Sort(ns)
			}
			return all
		},
		reference: func(known []*event[step]) map[string][]int {
			puts := func(op step) bool { return op.value != "-" && strings.Contains(op.path, "/") }
			all := map[string][]int{}
			for _, e := range inForce(known, func(later, earlier *event[step]) bool {
				above := strings.HasPrefix(earlier.op.path+"/", strings.TrimPrefix(later.op.path+"/", "/"))
				return puts(earlier.op) && above && (!puts(later.op) || later.op.value[0] == ':')
			}) {
				if puts(e.op) {
					all[e.op.path] = append(all[e.op.path], int(e.op.value[len(e.op.value)-1]-'0'))
				}
			}
			for _, ns := range all {
				slices.Sort(ns)
			}
			return all
		},
	})
}

// TestDotMapAgainstModel compares one large map with a Go map. It goes through all forms in memory, up and down.
func TestDotMapAgainstModel(t *testing.T) {
	t.Parallel()
	type sets = crdt.DotMap[int, crdt.AWSetStore[int], *crdt.AWSetStore[int]]
	r := rand.New(rand.NewPCG(5, 6))
	var c, copied crdt.Causal[sets, *sets]
	model := map[int]map[int]bool{}
	for _, size := range []int{10, 0, 40, 3, 600, 5, 100, 0} {
		for len(model) != size {
			k, x := r.IntN(700), r.IntN(3)
			grow := len(model) < size
			for ; !grow && model[k] == nil; k = (k + 1) % 700 {
			}
			delta := c.Update([]string{"a", "b"}[r.IntN(2)], func(m *sets, clock *crdt.Clock) {
				if !grow && r.IntN(4) > 0 {
					m.Remove(clock, k)
					delete(model, k)
					return
				}
				m.Update(clock, k, func(s *crdt.AWSetStore[int], clock *crdt.Clock) {
					if grow == (r.IntN(4) > 0) {
						if s.Add(clock, x); model[k] == nil {
							model[k] = map[int]bool{}
						}
						model[k][x] = true
						return
					}
					s.Remove(clock, x)
					if delete(model[k], x); len(model[k]) == 0 {
						delete(model, k)
					}
				})
			})
			copied.Merge(&delta)
		}
		cloned := crdt.Clone(&c)
		var decoded crdt.Causal[sets, *sets]
		if err := decoded.UnmarshalBinary([]byte(encode(t, &c))); err != nil {
			t.Fatal(err)
		}
		for i, other := range []*crdt.Causal[sets, *sets]{&c, &copied, &cloned, &decoded} {
			if encode(t, other) != encode(t, &c) {
				t.Fatalf("copy %d with %d keys differs", i, size)
			}
			other.View(func(m *sets) {
				if m.Len() != len(model) || len(slices.Collect(m.Keys())) != len(model) {
					t.Fatalf("copy %d has %d keys, want %d", i, m.Len(), len(model))
				}
				for k, xs := range model {
					if s, ok := m.Get(k); !ok || s.Len() != len(xs) || !m.Contains(k) {
						t.Fatalf("copy %d has %d elements at %d, want %d", i, s.Len(), k, len(xs))
					}
				}
			})
		}
	}
}

// TestFewKeysWithManyDots merges maps that have no index of their own over large stores.
func TestFewKeysWithManyDots(t *testing.T) {
	t.Parallel()
	type sets = crdt.DotMap[int, crdt.AWSetStore[int], *crdt.AWSetStore[int]]
	r := rand.New(rand.NewPCG(9, 9))
	var here, there crdt.Causal[sets, *sets]
	change := func(c *crdt.Causal[sets, *sets], origin string, n int) {
		c.Update(origin, func(m *sets, c *crdt.Clock) {
			for range n {
				m.Update(c, r.IntN(3), func(s *crdt.AWSetStore[int], c *crdt.Clock) {
					s.Add(c, r.IntN(4000))
					s.Remove(c, r.IntN(4000))
				})
			}
		})
	}
	change(&here, "a", 6000)
	there.Merge(&here)
	change(&here, "a", 500)
	change(&there, "b", 500)
	delta := there.Delta(&here)
	byDelta, byState := join(here, delta), join(here, there)
	if there.Merge(&here); encode(t, &byDelta) != encode(t, &there) || encode(t, &byState) != encode(t, &there) {
		t.Error("merging a delta, a state, and the other way round differ")
	}
	if all := encode(t, &there); len(all) < 10_000 || len(encode(t, &delta))*3 > len(all) {
		t.Errorf("the delta has %d bytes of %d", len(encode(t, &delta)), len(all))
	}
}

func TestGetAndViewOfAnAbsentKey(t *testing.T) {
	t.Parallel()
	c := setFlags("a:x")
	c.View(func(f *flags) {
		if s, ok := f.Get("y"); ok || s.Len() != 0 || f.Contains("y") {
			t.Error("Get finds a key that is not there")
		}
		if f.View("y", func(*crdt.DotSet) { t.Error("View shows a key that is not there") }) {
			t.Error("View finds a key that is not there")
		}
		s, ok := f.Get("x")
		if want := []crdt.Dot{crdt.DotOf("a", 1)}; !ok || !slices.Equal(slices.Collect(s.Dots()), want) || !slices.Equal(slices.Collect(f.Dots()), want) {
			t.Errorf("got %v, %v", slices.Collect(s.Dots()), ok)
		}
	})
}

func TestDeltasOfCausal(t *testing.T) {
	t.Parallel()
	var some []causalHouse
	for seed := range uint64(8) {
		some = append(some, randomHouse(rand.New(rand.NewPCG(seed, 7))))
	}
	crdttest.CheckDeltas(t, some)
}
