package crdt_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

// written makes a register by steps such as "a:x" (origin a writes x) and "clear".
func written(steps string) crdt.MVRegister[string] {
	return after(steps, func(r *crdt.MVRegister[string], origin, what string) {
		if what == "clear" {
			r.Clear()
		} else {
			r.Write(origin, what)
		}
	})
}

func TestMVRegister(t *testing.T) {
	t.Parallel()
	concurrent := join(written("b:y"), written("a:x"))
	settled := crdt.Clone(&concurrent)
	settled.Write("a", "z")
	check(t, suite[crdt.MVRegister[string]]{
		coarse: true, // a dot stands for different operations in different samples
		samples: []crdt.MVRegister[string]{
			written("a:x"), written("a:y"), written("b:x"), written("a:x a:y"), concurrent, settled, written("a:x clear"), // a has two histories
		},
		random: func(r *rand.Rand) (m crdt.MVRegister[string]) {
			for range r.IntN(4) {
				if m.Write(string(rune('a'+r.IntN(3))), string(rune('x'+r.IntN(3)))); r.IntN(4) == 0 {
					m.Clear()
				}
			}
			return m
		},
		golden: "mvregister_string",
		goldens: map[string]crdt.MVRegister[string]{
			"bottom": {}, "one": written("a:x"), "overwritten": written("a:x a:yz"), "concurrent": concurrent, "settled": settled,
			"cleared": written("a:x clear"),
		},
		json: map[string]string{"bottom": "[]", "one": `["x"]`, "concurrent": `["x","y"]`, "settled": `["z"]`, "cleared": "[]"},
	})
	if same := join(written("a:x"), written("b:x")); !slices.Equal(same.Values(), []string{"x"}) {
		t.Errorf("two writes of one value give %v", same.Values())
	}
}

func TestMVRegisterHistory(t *testing.T) {
	t.Parallel()
	const clear = 0
	checkHistory(t, history[crdt.MVRegister[int], int, []int]{
		op: rapid.IntRange(clear, 3),
		apply: func(r *crdt.MVRegister[int], origin string, op int) crdt.MVRegister[int] {
			if op == clear {
				return r.Clear()
			}
			return r.Write(origin, op)
		},
		read: (*crdt.MVRegister[int]).Values,
		reference: func(known []*event[int]) []int {
			all := []int{}
			for _, e := range inForce(known, func(_, earlier *event[int]) bool { return earlier.op != clear }) {
				if e.op != clear {
					all = append(all, e.op)
				}
			}
			slices.Sort(all)
			return slices.Compact(all)
		},
	})
}

func TestMVRegisterRefuses(t *testing.T) {
	t.Parallel()
	r := written("a:x")
	refuse(t, r, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, r, crdt.ErrCorrupt, "value of dot a:1", "01 01 0161 01 00 01 00 01 03 01 7f 78")
	refuse(t, r, crdt.ErrVersion, "value of dot a:1", "01 01 0161 01 00 01 00 01 03 02 01 78")
	refuse(t, r, crdt.ErrVersion, "version 3", "03")
}

func FuzzMVRegister(f *testing.F) {
	fuzz(f, join(written("b:y"), written("a:x")), written("a:x clear"))
}
