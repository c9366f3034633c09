package crdttest_test

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

// floats is a sum of floats.
type floats struct{ sum float64 }

func (f *floats) Merge(o *floats) bool {
	before := f.sum
	f.sum += o.sum
	return f.sum != before
}

func (f *floats) AppendBinary(b []byte) ([]byte, error) {
	return binary.BigEndian.AppendUint64(append(b, 1), math.Float64bits(f.sum)), nil
}

func (f *floats) UnmarshalBinary(data []byte) error {
	if len(data) != 9 || data[0] != 1 {
		return errors.New("not a sum")
	}
	f.sum = math.Float64frombits(binary.BigEndian.Uint64(data[1:]))
	return nil
}

const ttl = 3

// expiring is one element of a two-phase set, and a clock that merges by maximum: the time x when it was removed, and in the low bit
// of y that it was added; the rest of y is the clock. A tombstone is dropped, with what it buries, ttl after it was made.
type expiring struct{ cell }

func expire(removed, added, clock byte) expiring { return expiring{cell{removed, clock<<1 | added}} }

func (c *expiring) Merge(o *expiring) bool {
	removed, added, clock := max(c.x, o.x), (c.y|o.y)&1, max(c.y>>1, o.y>>1)
	if removed > 0 && clock > removed+ttl {
		removed, added = 0, 0
	}
	return c.set(expire(removed, added, clock).cell)
}

// forgetting is one element of a two-phase set (x: it was removed, y: it was added) whose tombstone expires by a clock of the
// replica, which counts merges.
type forgetting struct {
	cell
	clock int
}

func (c *forgetting) Merge(o *forgetting) bool {
	d := cell{max(c.x, o.x), max(c.y, o.y)}
	if c.clock++; c.clock > 1 && d.x > 0 {
		d = cell{}
	}
	return c.set(d)
}

// slowest is the smallest of what is known of the shards that were heard of; ok is false if there are none.
func slowest(m *latest) (at int, ok bool) {
	for _, v := range m.All() {
		if n, _ := v.Value(); !ok || n < at {
			at, ok = n, true
		}
	}
	return at, ok
}

func shards() []latest {
	return []latest{
		crdt.MapOf("a", crdt.MaxOf(5)), crdt.MapOf("a", crdt.MaxOf(7)), crdt.MapOf("b", crdt.MaxOf(2)), crdt.MapOf("c", crdt.MaxOf(9)),
	}
}

// What looks like a lattice, or like a monotone query, and is none.
func TestLookalikesAreRefuted(t *testing.T) {
	t.Parallel()
	watermark := crdt.AssertUpSet("all shards heard of are at 5", func(m *latest) bool {
		at, ok := slowest(m)
		return ok && at >= 5
	})
	registered := crdt.AssertUpSet("shards a, b and c are at 5", func(m *latest) bool {
		at, _ := slowest(m)
		return m.Len() == 3 && at >= 5
	})
	var all latest
	for _, shard := range []string{"a", "b", "c"} {
		all.Update(shard, crdt.MaxOf(6))
	}
	find(t, []finding{
		{
			"dominating pair with incomparable keys", crdttest.Laws(cells(func(c cell) dominating { return dominating{c} })),
			crdttest.LawAssociative, "",
		},
		{
			"last writer wins by >=", crdttest.Laws(cells(func(c cell) lastWriter { return lastWriter{c} })),
			crdttest.LawCommutative, "",
		},
		{"sum", crdttest.Laws(cells(func(c cell) sum { return sum{c} })), crdttest.LawIdempotent, ""},
		{"sum of floats", crdttest.Laws([]floats{{1}, {1e17}, {-1e17}}), crdttest.LawAssociative, ""},
		{
			"tombstones that expire by the merged clock", crdttest.Laws([]expiring{expire(0, 1, 1), expire(2, 0, 2), expire(0, 0, 9)}),
			crdttest.LawAssociative, "",
		},
		{
			"tombstones that expire by a local clock",
			crdttest.Laws(cells(func(c cell) forgetting { return forgetting{cell: c} })),
			crdttest.LawAssociative, "",
		},
		{"smallest over the shards heard of", crdttest.UpwardClosed(watermark, shards()), crdttest.LawUpwardClosed, ""},
		{name: "smallest over the shards registered", err: crdttest.UpwardClosed(registered, append(shards(), all))},
	})
}
