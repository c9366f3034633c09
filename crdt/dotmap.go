package crdt

import "iter"

// DotMap is a store of a store for each key (Almeida, Shoker, Baquero, JPDC 2018, §7.3). See [DotStore] for how it merges.
// The zero DotMap is empty, and a key whose store is empty is the same as an absent one.
//
// S is the store and P its pointer, for example DotMap[string, DotSet, *DotSet]. S may be a DotMap itself.
//
// With up to 16 keys it is a sorted slice: 32 bytes, and for each key a K and an S. With more it keeps two indexes, from keys
// and from dots, which take 70 to 90 bytes a key with one dot, besides its K and S. Update and Remove are O(log n), besides the work of
// the change itself; Remove is linear in what it removes.
type DotMap[K Ordered, S any, P DotStore[S]] struct {
	few  []dotMapEntry[K, S, P] // all of it, by key, while there is no index
	many *dotMapIndex[K, S, P]
}

// Update lets change make updates in the store of k, which may be empty before and after. The function must use no other store, and
// keep neither that nor the clock.
func (m *DotMap[K, S, P]) Update(c *Clock, k K, change func(s *S, c *Clock)) {
	e, start := m.entry(k), c.n
	if e == nil {
		fresh := dotMapEntry[K, S, P]{k: k}
		if change(&fresh.s, c); !fresh.store().empty() {
			m.insert(fresh)
		}
		return
	}
	change(&e.s, c)
	s := e.store()
	if m.many != nil {
		for d := range c.touched(start) {
			m.many.dots.remove(d)
			if s.has(d) {
				m.many.dots.insert(d, e)
			}
		}
	}
	if s.empty() {
		m.drop(k)
	}
}

// Remove takes out the store of k. O(number of dots in it).
func (m *DotMap[K, S, P]) Remove(c *Clock, k K) {
	e := m.entry(k)
	if e == nil {
		return
	}
	e.store().dots(func(d Dot) bool {
		c.gone(d)
		if m.many != nil {
			m.many.dots.remove(d)
		}
		return true
	})
	m.drop(k)
}

// Clear takes out all keys.
func (m *DotMap[K, S, P]) Clear(c *Clock) {
	m.dots(func(d Dot) bool {
		c.gone(d)
		return true
	})
	*m = DotMap[K, S, P]{}
}

// Len returns the number of keys.
func (m *DotMap[K, S, P]) Len() int {
	if m.many != nil {
		return len(m.many.keys)
	}
	return len(m.few)
}

// Contains reports whether k has a store that is not empty.
func (m *DotMap[K, S, P]) Contains(k K) bool { return m.entry(k) != nil }

// Get returns a copy of the store of k, which shares no memory with the map; ok is false if it is empty.
func (m *DotMap[K, S, P]) Get(k K) (s S, ok bool) {
	e := m.entry(k)
	if e == nil {
		return s, false
	}
	P(&s).core().fill(e.store())
	return s, true
}

// View shows the store of k to read, without a copy, and reports whether there is one. The function must neither change nor keep it.
func (m *DotMap[K, S, P]) View(k K, read func(s *S)) (ok bool) {
	e := m.entry(k)
	if e == nil {
		return false
	}
	read(&e.s)
	return true
}

// Keys yields the keys, ascending. The map must not change meanwhile. O(n log n).
func (m *DotMap[K, S, P]) Keys() iter.Seq[K] {
	return func(yield func(K) bool) {
		for _, e := range m.sorted() {
			if !yield(e.k) {
				return
			}
		}
	}
}

// Dots yields the dots in the store, by origin and number. The store must not change meanwhile.
func (m *DotMap[K, S, P]) Dots() iter.Seq[Dot] { return sortedDots(m) }
