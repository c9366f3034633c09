package crdt_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

func lwwOf(time int64, writer string, v int16) (l crdt.LWWRegister[int16]) {
	l.Write(time, writer, v)
	return l
}

func TestLWWRegister(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.LWWRegister[int16]]{
		samples: []crdt.LWWRegister[int16]{
			lwwOf(0, "", 0), lwwOf(-1, "z", 9), lwwOf(math.MinInt64, "a", 1), lwwOf(5, "a", 1), lwwOf(5, "a", 2), lwwOf(5, "b", 1),
			lwwOf(5, "b", -7), lwwOf(6, "a", 0),
		},
		random: func(r *rand.Rand) (l crdt.LWWRegister[int16]) {
			for range r.IntN(4) {
				l.Write(r.Int64N(3)-1, string(rune('a'+r.IntN(2))), int16(r.IntN(2)))
			}
			return l
		},
		golden: "lwwregister_int16",
		goldens: map[string]crdt.LWWRegister[int16]{
			"bottom": {}, "zero": lwwOf(0, "", 0), "before 0": lwwOf(-1, "ann", -300), "latest": lwwOf(math.MaxInt64, "b", 1),
		},
		json: map[string]string{"bottom": "null", "before 0": `{"value":-300,"time":-1,"writer":"ann"}`},
	})
}

func FuzzLWWRegister(f *testing.F) {
	var text crdt.LWWRegister[string]
	text.Write(1_700_000_000_000_000_000, "writer", "\xff")
	fuzz(f, text, crdt.LWWRegister[string]{})
}

func TestLWWRegisterRefuses(t *testing.T) {
	t.Parallel()
	start := lwwOf(1, "w", 2)
	refuse(t, start, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, start, crdt.ErrVersion, "LWWRegister has version 2", "02 00 00 00")
	refuse(t, start, crdt.ErrCorrupt, "cut off", "01 00")
	refuse(t, start, crdt.ErrCorrupt, "cut off", "01 00 00")
	refuse(t, start, crdt.ErrCorrupt, "more bytes", "01 00 02 61")
	refuse(t, start, crdt.ErrCorrupt, "shortest form", "01 80 00 00 00")
	refuse(t, start, crdt.ErrCorrupt, "does not fit", "01 00 00 80 80 04")
	refuse(t, start, crdt.ErrCorrupt, "left over", "01 00 00 00 00")
}

func TestLWWRegisterHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[crdt.LWWRegister[int], stamp, seenStamp]{
		op: stamps(0),
		apply: func(l *crdt.LWWRegister[int], origin string, op stamp) crdt.LWWRegister[int] {
			return l.Write(op.time, origin, op.v)
		},
		read: func(l *crdt.LWWRegister[int]) (s seenStamp) {
			s.v, s.ok = l.Value()
			s.time, s.id, _ = l.Written()
			return s
		},
		reference: func(known []*event[stamp]) (s seenStamp) {
			for _, e := range inOrder(known, func(e *event[stamp]) string { return e.origin }) {
				s = seenStamp{v: e.op.v, time: e.op.time, id: e.origin, ok: true}
			}
			return s
		},
	})
}

// A write that is not beyond the current one must neither go through nor be half done.
func TestLWWRegisterNeverGoesBack(t *testing.T) {
	t.Parallel()
	l := lwwOf(5, "m", 3)
	before := encode(t, &l)
	for _, lost := range []struct {
		time   int64
		writer string
		v      int16
	}{{4, "z", 9}, {5, "a", 9}, {5, "m", 2}, {5, "m", 3}, {math.MinInt64, "", 0}} {
		if delta := l.Write(lost.time, lost.writer, lost.v); delta != (crdt.LWWRegister[int16]{}) {
			t.Errorf("the write %v lost, but its delta is %s", lost, asJSON(delta))
		}
		if encode(t, &l) != before {
			t.Fatalf("the write %v made the register %s", lost, asJSON(l))
		}
	}
	if _, _, ok := new(crdt.LWWRegister[int]).Written(); ok {
		t.Error("the zero register was written")
	}
}

func TestWrittenAfter(t *testing.T) {
	t.Parallel()
	u := crdt.WrittenAfter[int16](5)
	crdttest.CheckUpSet(t, u, []crdt.LWWRegister[int16]{lwwOf(5, "z", 1), lwwOf(6, "a", 1), lwwOf(7, "a", 0)})
	holds(t, u, lwwOf(5, "z", 9), false)
	holds(t, u, lwwOf(6, "", 0), true)
	holds(t, crdt.WrittenAfter[int16](-1), crdt.LWWRegister[int16]{}, false) // its time is not 0
	checkNames(t, map[string]named{"written after -5": crdt.WrittenAfter[string](-5)})
}

// The documentation states these sizes.
func TestSizesOfRegisters(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ got, want uintptr }{
		"LWWRegister[string]": {unsafe.Sizeof(crdt.LWWRegister[string]{}), 48},
		"LWWRegister[int64]":  {unsafe.Sizeof(crdt.LWWRegister[int64]{}), 40},
		"LWWRegister[int8]":   {unsafe.Sizeof(crdt.LWWRegister[int8]{}), 40},
		"LastByTime[string]":  {unsafe.Sizeof(crdt.LastByTime[string]{}), 48},
		"FirstByTime[string]": {unsafe.Sizeof(crdt.FirstByTime[string]{}), 48},
		"Versioned[string]":   {unsafe.Sizeof(crdt.Versioned[string]{}), 32},
		"Versioned[int64]":    {unsafe.Sizeof(crdt.Versioned[int64]{}), 24},
		"Point[string]":       {unsafe.Sizeof(crdt.Point[string]{}), 24},
		"Point[int64]":        {unsafe.Sizeof(crdt.Point[int64]{}), 16},
	} {
		if unsafe.Sizeof(uintptr(0)) == 8 && c.got != c.want {
			t.Errorf("%s is %d bytes, documented as %d", name, c.got, c.want)
		}
	}
}
