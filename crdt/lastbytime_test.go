package crdt_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

func lastOf(time int64, id, v string) (l crdt.LastByTime[string]) {
	l.Add(time, id, v)
	return l
}

func TestLastByTime(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.LastByTime[string]]{
		samples: []crdt.LastByTime[string]{
			lastOf(0, "", ""), lastOf(-1, "z", "z"), lastOf(math.MinInt64, "", ""), lastOf(5, "10", "x"), lastOf(5, "9", "x"),
			lastOf(5, "9", "y"), lastOf(6, "", "a"),
		},
		random: func(r *rand.Rand) (l crdt.LastByTime[string]) {
			for range r.IntN(4) {
				l.Add(r.Int64N(3)-1, string(rune('a'+r.IntN(2))), string(rune('a'+r.IntN(2))))
			}
			return l
		},
		golden: "lastbytime_string",
		goldens: map[string]crdt.LastByTime[string]{
			"bottom": {}, "zero": lastOf(0, "", ""), "reading": lastOf(-64, "s-7", "21.5"), "bytes": lastOf(64, "\xff", "\x00"),
		},
		json: map[string]string{"bottom": "null", "reading": `{"value":"21.5","time":-64,"id":"s-7"}`},
	})
}

func FuzzLastByTime(f *testing.F) { fuzz(f, lastOf(-300, "id", "v"), lastOf(0, "", "")) }

func TestLastByTimeRefuses(t *testing.T) {
	t.Parallel()
	start := lastOf(1, "i", "v")
	refuse(t, start, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, start, crdt.ErrVersion, "LastByTime has version 2", "02")
	refuse(t, start, crdt.ErrCorrupt, "cut off", "01 00")
	refuse(t, start, crdt.ErrCorrupt, "more bytes", "01 00 00 01")
	refuse(t, start, crdt.ErrCorrupt, "64 bits", "01 ff ff ff ff ff ff ff ff ff 02 00 00")
	refuse(t, start, crdt.ErrCorrupt, "left over", "01 00 00 00 00")
}

func TestLastByTimeHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[crdt.LastByTime[int], stamp, seenStamp]{
		op: stamps(0),
		apply: func(l *crdt.LastByTime[int], _ string, op stamp) crdt.LastByTime[int] {
			return l.Add(op.time, op.id, op.v)
		},
		read: func(l *crdt.LastByTime[int]) (s seenStamp) {
			s.v, s.ok = l.Value()
			s.time, s.id, _ = l.Seen()
			return s
		},
		reference: func(known []*event[stamp]) (s seenStamp) {
			for _, e := range inOrder(known, func(e *event[stamp]) string { return e.op.id }) {
				s = seenStamp{v: e.op.v, time: e.op.time, id: e.op.id, ok: true}
			}
			return s
		},
	})
}

func TestSeenAfter(t *testing.T) {
	t.Parallel()
	u := crdt.SeenAfter[string](5)
	crdttest.CheckUpSet(t, u, []crdt.LastByTime[string]{lastOf(5, "z", ""), lastOf(6, "a", ""), lastOf(7, "", "")})
	holds(t, u, lastOf(5, "z", "z"), false)
	holds(t, u, lastOf(6, "", ""), true)
	holds(t, crdt.SeenAfter[string](-1), crdt.LastByTime[string]{}, false)
	checkNames(t, map[string]named{"seen after 5": u})
	if _, _, ok := new(crdt.LastByTime[int]).Seen(); ok {
		t.Error("the zero LastByTime has seen an event")
	}
}
