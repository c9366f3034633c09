package crdt

import (
	"encoding/json"
	"iter"
)

// DotFun is a store of a value for each dot (Almeida, Shoker, Baquero, JPDC 2018, §7.3). See [DotStore] for how it merges. The
// zero DotFun is empty.
//
// V is a lattice and P its pointer. Should one dot have two values, because its origin has had two histories,
// they are merged. A value that no dot stands for any more is gone; its size does not matter any longer.
//
// It is 32 bytes, and for each dot 16 and a V.
type DotFun[V any, P Lattice[V]] struct {
	dotValues[V, latticeValue[V, P]]
}

// Put puts v in behind a fresh dot, beside the values that are there. It keeps no reference to memory of v. O(log n).
func (s *DotFun[V, P]) Put(c *Clock, v V) {
	if d, ok := c.fresh(); ok {
		s.table.insert(d, Clone[V, P](&v))
	}
}

// Replace takes all values out and puts v in behind a fresh dot. It keeps no reference to memory of v. O(number of dots).
func (s *DotFun[V, P]) Replace(c *Clock, v V) { s.replace(c, Clone[V, P](&v)) }

// All yields the dots in the store, by origin and number, each with a copy of its value. The store must not change meanwhile.
func (s *DotFun[V, P]) All() iter.Seq2[Dot, V] {
	return func(yield func(Dot, V) bool) {
		for e := range s.table.all {
			if !yield(e.d, Clone[V, P](&e.v)) {
				return
			}
		}
	}
}

// MarshalJSON shows the values by their dots, such as {"shard-0:1":"x"}.
func (s DotFun[V, P]) MarshalJSON() ([]byte, error) {
	values := make(map[string]V, s.Len())
	for e := range s.table.all {
		values[e.d.String()] = e.v
	}
	return json.Marshal(values)
}
