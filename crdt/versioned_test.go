package crdt_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

// versionedOf makes a Versioned that has seen all xs at version n.
func versionedOf(n uint64, xs ...string) (v crdt.Versioned[string]) {
	for _, x := range xs {
		v.Advance(n, x)
	}
	return v
}

func TestVersioned(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.Versioned[string]]{
		samples: []crdt.Versioned[string]{
			versionedOf(0, ""), versionedOf(1, "a"), versionedOf(1, "b"), versionedOf(1, "a", "b"), versionedOf(2, ""), versionedOf(2, "a"),
			versionedOf(math.MaxUint64, "z"),
		},
		random: func(r *rand.Rand) (v crdt.Versioned[string]) {
			for range r.IntN(4) {
				v.Advance(r.Uint64N(3), string(rune('a'+r.IntN(2))))
			}
			return v
		},
		golden: "versioned_string",
		goldens: map[string]crdt.Versioned[string]{
			"bottom": {}, "start": versionedOf(0, ""), "newest": versionedOf(math.MaxUint64, "x"), "conflict": versionedOf(300, "a", "b"),
		},
		json: map[string]string{
			"bottom": "null", "start": `{"version":0,"value":""}`, "conflict": `{"version":300,"value":{"conflict":true}}`,
		},
	})
}

func FuzzVersioned(f *testing.F) {
	fuzz(f, versionedOf(300, "state"), versionedOf(0, ""), versionedOf(7, "a", "b"))
}

func TestVersionedRefuses(t *testing.T) {
	t.Parallel()
	start := versionedOf(1, "a")
	refuse(t, start, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, start, crdt.ErrVersion, "Versioned has version 2", "02 01 02")
	refuse(t, start, crdt.ErrCorrupt, "cut off", "01 05")
	refuse(t, start, crdt.ErrCorrupt, "no state has the number 0", "01 05 00")
	refuse(t, start, crdt.ErrCorrupt, "no state has the number 3", "01 05 03")
	refuse(t, start, crdt.ErrCorrupt, "shortest form", "01 85 00 02")
	refuse(t, start, crdt.ErrCorrupt, "more bytes", "01 05 01 02 61")
	refuse(t, start, crdt.ErrCorrupt, "left over", "01 05 02 00")
}

// seenVersion is what a Versioned shows.
type seenVersion struct {
	n                  uint64
	x                  int
	some, ok, diverged bool
}

func TestVersionedHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[crdt.Versioned[int], put, seenVersion]{
		op: puts(3, 1),
		apply: func(v *crdt.Versioned[int], _ string, op put) crdt.Versioned[int] {
			return v.Advance(uint64(op.k), op.x)
		},
		read: func(v *crdt.Versioned[int]) (s seenVersion) {
			s.n, s.some = v.Version()
			s.x, s.ok = v.Value()
			s.diverged = v.Diverged()
			return s
		},
		reference: func(known []*event[put]) (s seenVersion) {
			states := map[int8]map[int]bool{}
			for _, e := range known {
				if states[e.op.k] == nil {
					states[e.op.k] = map[int]bool{}
				}
				states[e.op.k][e.op.x] = true
				s.n, s.some = max(s.n, uint64(e.op.k)), true
			}
			newest := states[int8(s.n)]
			if s.ok, s.diverged = len(newest) == 1, len(newest) > 1; s.ok && newest[1] {
				s.x = 1
			}
			return s
		},
	})
}

func TestVersionedValueAt(t *testing.T) {
	t.Parallel()
	v := versionedOf(5, "five")
	for n, want := range map[uint64]string{0: "", 4: "", 5: "five", 6: ""} {
		if x, ok := v.ValueAt(n); x != want || ok != (n == 5) {
			t.Errorf("at version %d: %q, %v", n, x, ok)
		}
	}
	v.Advance(5, "cinq")
	if x, ok := v.ValueAt(5); ok || x != "" {
		t.Errorf("at a conflict: %q", x)
	}
	v.Advance(6, "six")
	if x, ok := v.ValueAt(6); !ok || x != "six" || v.Diverged() {
		t.Errorf("after a conflict: %q, %v", x, ok)
	}
	if _, ok := new(crdt.Versioned[string]).ValueAt(0); ok {
		t.Error("the zero Versioned has a state at version 0")
	}
}

// A Versioned must not pass for a type whose conflict stays, or choices between versions would be held to exclude each other.
func TestVersionedIsNoConflicter(t *testing.T) {
	t.Parallel()
	if _, ok := any(new(crdt.Versioned[int])).(interface{ Conflict() bool }); ok {
		t.Error("Versioned has a method Conflict")
	}
	if _, ok := any(new(crdt.Point[int])).(interface{ Conflict() bool }); !ok {
		t.Error("Point has no method Conflict")
	}
}

func TestVersionAtLeast(t *testing.T) {
	t.Parallel()
	u := crdt.VersionAtLeast[string](2)
	crdttest.CheckUpSet(t, u, []crdt.Versioned[string]{versionedOf(1, "z"), versionedOf(2, "a"), versionedOf(2, "b"), versionedOf(3, "")})
	holds(t, u, versionedOf(1, "a"), false)
	holds(t, u, versionedOf(2, "a"), true)
	holds(t, crdt.VersionAtLeast[string](0), crdt.Versioned[string]{}, false) // no version is not version 0
	checkNames(t, map[string]named{"version >= 2": u})
}
