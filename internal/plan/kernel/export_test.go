package kernel

import (
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
)

// Slots is the map of keys to slots, for tests.
type Slots[K plan.Key] struct{ m slotMap[K, int] }

func NewSlots[K plan.Key]() *Slots[K] {
	return &Slots[K]{newSlotMap[K, int](func(k K) K { return k })}
}

// Find returns the values of keys that are asked for together, -1 for those that have none.
func (s *Slots[K]) Find(keys []K) []int {
	run := make([]plan.Contribution[K, int], len(keys))
	for i, key := range keys {
		run[i].Key = key
	}
	spots, values := make([]spot, len(keys)), make([]int, len(keys))
	find(&s.m, run, spots)
	for i, at := range spots {
		if values[i] = -1; at.place != nowhere {
			values[i] = s.m.slots[at.place].value
		}
	}
	return values
}

// Put gives a key a value and reports whether it had none.
func (s *Slots[K]) Put(key K, value int) (fresh bool) {
	place, fresh := s.m.at(key)
	s.m.slots[place].value = value
	return fresh
}

// Remove takes a key out that is there.
func (s *Slots[K]) Remove(key K) { s.m.remove(s.m.seek(s.m.hash(key), key)) }

// Far returns how many keys were too far behind their hashes.
func (s *Slots[K]) Far() int { return len(s.m.far) }

// Room returns how many slots there are, with those that are free.
func (s *Slots[K]) Room() int { return len(s.m.slots) }

// Hash returns the hash of a key.
func (s *Slots[K]) Hash(key K) uint32 { return s.m.hash(key) }

// RoomOfSessions returns how many keys a kernel of sessions has places for.
func RoomOfSessions[K plan.Key, C, L any, P crdt.Lattice[L]](s plan.Stateful) int {
	if k, ok := s.(*sessions[K, C, L, P]); ok {
		return len(k.visits.slots)
	}
	return -1
}

// Order sorts with order, in the same memory each time.
type Order[K plan.Key, E any] struct{ ranks []rank[K] }

func (o *Order[K, E]) Sort(items []E, of func(e *E) (first, second int64, key K)) {
	o.ranks = order(items, o.ranks, func(e *E) rank[K] {
		first, second, key := of(e)
		return rank[K]{first: first, second: second, key: key}
	})
}

func InsertAt[E any](s []E, i int, e E) []E { return insertAt(s, i, e) }
