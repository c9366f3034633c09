package operators

import (
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
)

// Last keeps the value of the last record of each key and window, by event time: the latest reading of each sensor. Of records at the
// same time the one with the larger value wins, so that neither order nor sharding nor re-partitioning shows.
//
// The time of the last only rises: ask [crdt.SeenAfter], in nanoseconds since 1970, before the seal. The value is read behind
// it. A value may be a text that holds an encoded record. Each record costs O(1).
func Last[K Key, T any, V Key](name string, in Keyed[K, T], value func(T) V) Growing[K, crdt.LastByTime[V]] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "last")
	if n == nil {
		return Growing[K, crdt.LastByTime[V]]{}
	}
	requireFunc(n, value == nil)
	own := plan.KeyCodecOf[V]().Own
	type last = crdt.LastByTime[V]
	foldPlaced[K, T, timed[V], last, *last](n, name, withTime(value), timedCodec(elementCodec[V]()), joined[last, timed[V]](func(dst *last, c *timed[V]) bool {
		if at, _, ok := dst.Seen(); ok && c.time < at {
			return false
		}
		delta := dst.Add(c.time, "", own(c.value))
		_, grew := delta.Value()
		return grew
	}))
	return plan.NewGrowing[K, last](n)
}

// First is [Last] for the earliest record: how each session began. Of records at the same time the one with the smaller value
// wins. The time of the first only falls: ask [crdt.SeenBefore].
func First[K Key, T any, V Key](name string, in Keyed[K, T], value func(T) V) Growing[K, crdt.FirstByTime[V]] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "first")
	if n == nil {
		return Growing[K, crdt.FirstByTime[V]]{}
	}
	requireFunc(n, value == nil)
	own := plan.KeyCodecOf[V]().Own
	type first = crdt.FirstByTime[V]
	foldPlaced[K, T, timed[V], first, *first](n, name, withTime(value), timedCodec(elementCodec[V]()), joined[first, timed[V]](func(dst *first, c *timed[V]) bool {
		if at, _, ok := dst.Seen(); ok && c.time > at {
			return false
		}
		delta := dst.Add(c.time, "", own(c.value))
		_, grew := delta.Value()
		return grew
	}))
	return plan.NewGrowing[K, first](n)
}

// withTime adds the event time of the record to its value.
func withTime[T, V any](value func(T) V) func(*plan.Meta, T) (timed[V], error) {
	return func(m *plan.Meta, record T) (timed[V], error) { return timed[V]{m.Time, value(record)}, nil }
}
