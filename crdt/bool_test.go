package crdt_test

import (
	"math/rand/v2"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

func TestBool(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.Bool]{
		samples: []crdt.Bool{{}, crdt.BoolOf(true), crdt.BoolOf(false)},
		random:  func(r *rand.Rand) crdt.Bool { return crdt.BoolOf(r.IntN(2) == 0) },
		updates: []func(*crdt.Bool) crdt.Bool{(*crdt.Bool).Raise},
		upSets:  []crdt.UpSet[crdt.Bool]{crdt.Raised()},
		golden:  "bool",
		goldens: map[string]crdt.Bool{"bottom": {}, "true": crdt.BoolOf(true)},
		json:    map[string]string{"bottom": "false", "true": "true"},
	})
}

func TestBoolHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[crdt.Bool, bool, bool]{
		op: rapid.Bool(),
		apply: func(x *crdt.Bool, _ string, op bool) (delta crdt.Bool) {
			if op {
				delta = x.Raise()
			}
			return delta
		},
		read: func(x *crdt.Bool) bool { return x.Value() },
		reference: func(known []*event[bool]) (raised bool) {
			for _, e := range known {
				raised = raised || e.op
			}
			return raised
		},
	})
}

func TestBoolDecoderRefuses(t *testing.T) {
	t.Parallel()
	raised := crdt.BoolOf(true)
	for _, x := range []crdt.Bool{{}, raised} {
		refuse(t, x, crdt.ErrCorrupt, "no version byte", "")
		refuse(t, x, crdt.ErrVersion, "version 2", "02 01")
		refuse(t, x, crdt.ErrCorrupt, "neither true", "01 00")
		refuse(t, x, crdt.ErrCorrupt, "neither true", "01 02")
		refuse(t, x, crdt.ErrCorrupt, "shortest form", "01 81 00")
		refuse(t, x, crdt.ErrCorrupt, "left over", "01 01 00")
	}
}

func FuzzBool(f *testing.F) { fuzz(f, crdt.BoolOf(true), crdt.BoolOf(false)) }
