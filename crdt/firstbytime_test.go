package crdt_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

func firstOf(time int64, id, v string) (f crdt.FirstByTime[string]) {
	f.Add(time, id, v)
	return f
}

func TestFirstByTime(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.FirstByTime[string]]{
		samples: []crdt.FirstByTime[string]{
			firstOf(0, "", ""), firstOf(-1, "z", "z"), firstOf(math.MaxInt64, "", ""), firstOf(5, "10", "x"), firstOf(5, "9", "x"),
			firstOf(5, "9", "y"), firstOf(6, "", "a"),
		},
		random: func(r *rand.Rand) (f crdt.FirstByTime[string]) {
			for range r.IntN(4) {
				f.Add(r.Int64N(3)-1, string(rune('a'+r.IntN(2))), string(rune('a'+r.IntN(2))))
			}
			return f
		},
		golden: "firstbytime_string",
		goldens: map[string]crdt.FirstByTime[string]{
			"bottom": {}, "zero": firstOf(0, "", ""), "opened": firstOf(300, "e-1", "open"), "earliest": firstOf(math.MinInt64, "a", "b"),
		},
		json: map[string]string{"bottom": "null", "opened": `{"value":"open","time":300,"id":"e-1"}`},
	})
}

func FuzzFirstByTime(f *testing.F) { fuzz(f, firstOf(-300, "id", "v"), firstOf(0, "", "")) }

func TestFirstByTimeRefuses(t *testing.T) {
	t.Parallel()
	start := firstOf(1, "i", "v")
	refuse(t, start, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, start, crdt.ErrVersion, "FirstByTime has version 2", "02")
	refuse(t, start, crdt.ErrCorrupt, "cut off", "01 00")
	refuse(t, start, crdt.ErrCorrupt, "more bytes", "01 00 00 01")
	refuse(t, start, crdt.ErrCorrupt, "shortest form", "01 00 80 00 00")
	refuse(t, start, crdt.ErrCorrupt, "left over", "01 00 00 00 00")
}

func TestFirstByTimeHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[crdt.FirstByTime[int], stamp, seenStamp]{
		op: stamps(0),
		apply: func(f *crdt.FirstByTime[int], _ string, op stamp) crdt.FirstByTime[int] {
			return f.Add(op.time, op.id, op.v)
		},
		read: func(f *crdt.FirstByTime[int]) (s seenStamp) {
			s.v, s.ok = f.Value()
			s.time, s.id, _ = f.Seen()
			return s
		},
		reference: func(known []*event[stamp]) (s seenStamp) {
			for _, e := range inOrder(known, func(e *event[stamp]) string { return e.op.id }) {
				return seenStamp{v: e.op.v, time: e.op.time, id: e.op.id, ok: true}
			}
			return s
		},
	})
}

func TestSeenBefore(t *testing.T) {
	t.Parallel()
	u := crdt.SeenBefore[string](5)
	crdttest.CheckUpSet(t, u, []crdt.FirstByTime[string]{firstOf(5, "", ""), firstOf(4, "z", "z"), firstOf(3, "", "")})
	holds(t, u, firstOf(5, "", ""), false)
	holds(t, u, firstOf(4, "z", "z"), true)
	holds(t, crdt.SeenBefore[string](1), crdt.FirstByTime[string]{}, false)
	checkNames(t, map[string]named{"seen before 5": u})
	if _, _, ok := new(crdt.FirstByTime[int]).Seen(); ok {
		t.Error("the zero FirstByTime has seen an event")
	}
}
