package crdt_test

import (
	"math/rand/v2"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

// disableWins makes a flag by steps such as "a:on" and "b:off".
func disableWins(steps string) crdt.DWFlag {
	return after(steps, func(f *crdt.DWFlag, origin, what string) {
		if what == "on" {
			f.Enable(origin)
		} else {
			f.Disable(origin)
		}
	})
}

func TestDWFlag(t *testing.T) {
	t.Parallel()
	concurrent := join(disableWins("a:on"), disableWins("b:off"))
	check(t, suite[crdt.DWFlag]{
		coarse: true, // a dot stands for different operations in different samples
		samples: []crdt.DWFlag{
			disableWins("a:on"), disableWins("a:off"), disableWins("a:on a:off"), disableWins("b:off"), concurrent, // a has two histories
		},
		random: func(r *rand.Rand) (f crdt.DWFlag) {
			for range r.IntN(4) {
				if f.Enable(string(rune('a' + r.IntN(3)))); r.IntN(3) == 0 {
					f.Disable("b")
				}
			}
			return f
		},
		golden: "dwflag",
		goldens: map[string]crdt.DWFlag{
			"bottom": {}, "on": disableWins("shard-7:on"), "off": disableWins("a:on a:off"), "concurrent": concurrent,
		},
		json: map[string]string{"bottom": "false", "on": "true", "off": "false", "concurrent": "false"},
	})
}

func TestDWFlagHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[crdt.DWFlag, bool, bool]{
		op: rapid.Bool(),
		apply: func(f *crdt.DWFlag, origin string, on bool) crdt.DWFlag {
			if on {
				return f.Enable(origin)
			}
			return f.Disable(origin)
		},
		read: (*crdt.DWFlag).On,
		reference: func(known []*event[bool]) bool {
			left := inForce(known, func(_, _ *event[bool]) bool { return true })
			for _, e := range left {
				if !e.op {
					return false
				}
			}
			return len(left) > 0
		},
	})
}

func TestDWFlagRefuses(t *testing.T) {
	t.Parallel()
	f := disableWins("a:on")
	refuse(t, f, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, f, crdt.ErrCorrupt, "neither 0 nor 1", "01 01 0161 01 00 01 00 01 02")
	refuse(t, f, crdt.ErrCorrupt, "not in the context", "01 01 0161 01 00 01 00 02 01")
	refuse(t, f, crdt.ErrVersion, "version 3", "03")
}

func FuzzDWFlag(f *testing.F) { fuzz(f, disableWins("a:on b:off"), disableWins("a:on")) }
