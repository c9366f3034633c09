package crdt_test

import (
	"math/rand/v2"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

// enableWins makes a flag by steps such as "a:on" and "off".
func enableWins(steps string) crdt.EWFlag {
	return after(steps, func(f *crdt.EWFlag, origin, what string) {
		if what == "on" {
			f.Enable(origin)
		} else {
			f.Disable()
		}
	})
}

func TestEWFlag(t *testing.T) {
	t.Parallel()
	concurrent := join(enableWins("a:on"), enableWins("b:on off"))
	check(t, suite[crdt.EWFlag]{
		coarse:  true, // a dot stands for different operations in different samples
		samples: []crdt.EWFlag{enableWins("a:on"), enableWins("a:on off"), enableWins("a:on a:on"), enableWins("b:on"), concurrent},
		random: func(r *rand.Rand) (f crdt.EWFlag) {
			for range r.IntN(4) {
				if f.Enable(string(rune('a' + r.IntN(3)))); r.IntN(3) == 0 {
					f.Disable()
				}
			}
			return f
		},
		golden: "ewflag",
		goldens: map[string]crdt.EWFlag{
			"bottom": {}, "on": enableWins("shard-7:on"), "off": enableWins("a:on off"), "concurrent": concurrent,
		},
		json: map[string]string{"bottom": "false", "on": "true", "off": "false", "concurrent": "true"},
	})
}

func TestEWFlagHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[crdt.EWFlag, bool, bool]{
		op: rapid.Bool(),
		apply: func(f *crdt.EWFlag, origin string, on bool) crdt.EWFlag {
			if on {
				return f.Enable(origin)
			}
			return f.Disable()
		},
		read: (*crdt.EWFlag).On,
		reference: func(known []*event[bool]) bool {
			for _, e := range inForce(known, func(_, earlier *event[bool]) bool { return earlier.op }) {
				if e.op {
					return true
				}
			}
			return false
		},
	})
}

func TestEWFlagRefuses(t *testing.T) {
	t.Parallel()
	f := enableWins("a:on")
	refuse(t, f, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, f, crdt.ErrCorrupt, "not in the context", "01 01 0161 01 00 01 00 02")
	refuse(t, f, crdt.ErrCorrupt, "left over", "01 01 0161 01 00 01 00 01 00")
	refuse(t, f, crdt.ErrVersion, "version 3", "03")
}

func FuzzEWFlag(f *testing.F) { fuzz(f, enableWins("a:on b:on off a:on"), enableWins("a:on")) }
