package crdt_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

// pointOf makes a Point to which all vs were assigned.
func pointOf[T crdt.Ordered](vs ...T) (p crdt.Point[T]) {
	for _, v := range vs {
		p.Assign(v)
	}
	return p
}

func TestPoint(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.Point[int16]]{
		samples: []crdt.Point[int16]{pointOf[int16](0), pointOf[int16](1), pointOf[int16](1), pointOf[int16](-1), pointOf[int16](1, 2)},
		random: func(r *rand.Rand) (p crdt.Point[int16]) {
			for range r.IntN(3) {
				p.Assign(int16(r.IntN(3)))
			}
			return p
		},
		golden: "point_int16",
		goldens: map[string]crdt.Point[int16]{
			"bottom": {}, "0": crdt.PointOf[int16](0), "smallest": crdt.PointOf[int16](-32768), "conflict": pointOf[int16](1, 2),
		},
		json: map[string]string{"bottom": "null", "0": "0", "conflict": `{"conflict":true}`},
	})
	checkGolden(t, "point_string", map[string]crdt.Point[string]{
		"empty": crdt.PointOf(""), "bytes": crdt.PointOf("\xff\x00"), "conflict": pointOf("a", "b", "a"),
	})
}

func FuzzPoint(f *testing.F) { fuzz(f, pointOf("a"), pointOf(""), pointOf("a", "b")) }

func TestPointRefuses(t *testing.T) {
	t.Parallel()
	for _, start := range []crdt.Point[int8]{{}, pointOf[int8](3), pointOf[int8](3, 4)} {
		refuse(t, start, crdt.ErrCorrupt, "no version byte", "")
		refuse(t, start, crdt.ErrVersion, "version 2", "02 01 02")
		refuse(t, start, crdt.ErrCorrupt, "no state has the number 0", "01 00")
		refuse(t, start, crdt.ErrCorrupt, "no state has the number 3", "01 03")
		refuse(t, start, crdt.ErrCorrupt, "shortest form", "01 81 00 02")
		refuse(t, start, crdt.ErrCorrupt, "cut off", "01 01")
		refuse(t, start, crdt.ErrCorrupt, "does not fit", "01 01 80 02")
		refuse(t, start, crdt.ErrCorrupt, "left over", "01 01 02 00")
		refuse(t, start, crdt.ErrCorrupt, "left over", "01 02 02")
	}
}

// seenPoint is what a Point shows.
type seenPoint struct {
	v                     int
	ok, conflict, settled bool
}

func TestPointHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[crdt.Point[int], int, seenPoint]{
		op:    rapid.IntRange(-1, 1),
		apply: func(p *crdt.Point[int], _ string, op int) crdt.Point[int] { return p.Assign(op) },
		read: func(p *crdt.Point[int]) (s seenPoint) {
			s.v, s.ok = p.Value()
			s.conflict, s.settled = p.Conflict(), p.Settled()
			return s
		},
		reference: func(known []*event[int]) seenPoint {
			var all []int
			for _, e := range known {
				all = append(all, e.op)
			}
			slices.Sort(all)
			switch all = slices.Compact(all); len(all) {
			case 0:
				return seenPoint{}
			case 1:
				return seenPoint{v: all[0], ok: true, settled: true}
			default:
				return seenPoint{conflict: true, settled: true}
			}
		},
	})
}

func TestPointDeltas(t *testing.T) {
	t.Parallel()
	var p crdt.Point[int]
	for _, c := range []struct {
		assign int
		delta  crdt.Point[int]
	}{
		{1, crdt.PointOf(1)}, {1, crdt.Point[int]{}}, {2, crdt.PointOf(2)}, {3, crdt.Point[int]{}}, {1, crdt.Point[int]{}},
	} {
		if delta := p.Assign(c.assign); delta != c.delta {
			t.Errorf("assigning %d returned %s, want %s", c.assign, asJSON(delta), asJSON(c.delta))
		}
	}
}

func TestPointUpSets(t *testing.T) {
	t.Parallel()
	samples := []crdt.Point[string]{pointOf("a"), pointOf("b"), pointOf("a", "b")}
	for _, u := range []crdt.UpSet[crdt.Point[string]]{crdt.IsSet[string](), crdt.Is("a"), crdt.IsConflict[string]()} {
		crdttest.CheckUpSet(t, u, samples)
		holds(t, u, crdt.Point[string]{}, false)
		holds(t, u, pointOf("a", "b"), true)
	}
	holds(t, crdt.IsSet[string](), pointOf(""), true)
	holds(t, crdt.Is(""), crdt.Point[string]{}, false) // not assigned is not the zero value
	holds(t, crdt.Is(""), pointOf(""), true)
	holds(t, crdt.Is("a"), pointOf("b"), false)
	holds(t, crdt.Is("c"), pointOf("a", "b"), true) // above every value
	holds(t, crdt.IsConflict[string](), pointOf("a", "a"), false)
	checkNames(t, map[string]named{
		"is set": crdt.IsSet[int](), `is "a"`: crdt.Is("a"), "is a conflict": crdt.IsConflict[int](),
	})
}

type named interface{ String() string }

// checkNames compares the names of upward-closed sets, which tell them apart in plans.
func checkNames(t *testing.T, want map[string]named) {
	t.Helper()
	for name, u := range want {
		if got := u.String(); got != name {
			t.Errorf("name %q, want %q", got, name)
		}
	}
}
