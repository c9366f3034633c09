package crdt

// Built-in functions between the lattices of this package: first morphisms, then those that are only monotone.

// Whole is the state itself, which is a morphism like any other.
func Whole[L any, P Lattice[L]]() Morphism[L, L] {
	return Morphism[L, L]{function[L, L]{name: "state", apply: Clone[L, P], peek: func(state *L) *L { return state }}}
}

// KeySet is the set of the keys of a map.
func KeySet[K Ordered, V any, P Lattice[V]]() Morphism[Map[K, V, P], GSet[K]] {
	return morphism("keys", func(m *Map[K, V, P]) (s GSet[K]) {
		for e := range m.entries.all {
			s.elements.insert(e.k, struct{}{}) // ascending: appended
		}
		return s
	})
}

// ValueAt is the value of a key of a map; the bottom if there is none.
func ValueAt[K Ordered, V any, P Lattice[V]](k K) Morphism[Map[K, V, P], V] {
	return Morphism[Map[K, V, P], V]{function[Map[K, V, P], V]{
		name: "value at " + elementName(k),
		apply: func(m *Map[K, V, P]) V {
			v, _ := m.Get(k)
			return v
		},
		peek: func(m *Map[K, V, P]) *V {
			if v := m.entries.find(k); v != nil {
				return v
			}
			return new(V)
		},
	}}
}

// MergedValues is the merge of all values of a map.
func MergedValues[K Ordered, V any, P Lattice[V]]() Morphism[Map[K, V, P], V] {
	return morphism("merged values", func(m *Map[K, V, P]) (all V) {
		for e := range m.entries.all {
			P(&all).Merge(&e.v)
		}
		return all
	})
}

// Where is the elements of a set for which keep is true. The name is for plans; keep must depend on nothing but the element.
func Where[T Ordered](name string, keep func(T) bool) Morphism[GSet[T], GSet[T]] {
	return morphism(where("elements", name), func(s *GSet[T]) (kept GSet[T]) {
		for e := range s.elements.all {
			if keep(e.k) {
				kept.elements.insert(e.k, struct{}{}) // ascending: appended
			}
		}
		return kept
	})
}

// Image is the set of f of each element. The name is for plans; f must depend on nothing but the element.
func Image[T, U Ordered](name string, f func(T) U) Morphism[GSet[T], GSet[U]] {
	return morphism(inside(name, "elements"), func(s *GSet[T]) (image GSet[U]) {
		for e := range s.elements.all {
			image.insert(f(e.k))
		}
		return image
	})
}

// Largest is the largest element of a set. O(log n).
func Largest[T Ordered]() Morphism[GSet[T], Max[T]] {
	return morphism("largest element", func(s *GSet[T]) (m Max[T]) {
		if last := *s.elements.lastLeaf(); len(last) > 0 {
			m.Add(last[len(last)-1].k)
		}
		return m
	})
}

// Smallest is the smallest element of a set. O(log n).
func Smallest[T Ordered]() Morphism[GSet[T], Min[T]] {
	return morphism("smallest element", func(s *GSet[T]) (m Min[T]) {
		for e := range s.elements.all {
			m.Add(e.k)
			break
		}
		return m
	})
}

// Each is f of the value of each key of a map.
func Each[K Ordered, V, W any, PV Lattice[V], PW Lattice[W]](f Morphism[V, W]) Morphism[Map[K, V, PV], Map[K, W, PW]] {
	return morphism(inside(f.String(), "each value"), func(m *Map[K, V, PV]) (image Map[K, W, PW]) {
		for e := range m.entries.all {
			image.Update(e.k, f.Apply(&e.v))
		}
		return image
	})
}

// Size is the number of elements of a set. O(1).
func Size[T Ordered]() Monotone[GSet[T], Max[uint64]] {
	return monotone("size", func(s *GSet[T]) Max[uint64] { return MaxOf(uint64(s.Len())) })
}

// KeyCount is the number of keys of a map. O(1).
func KeyCount[K Ordered, V any, P Lattice[V]]() Monotone[Map[K, V, P], Max[uint64]] {
	return monotone("number of keys", func(m *Map[K, V, P]) Max[uint64] { return MaxOf(uint64(m.Len())) })
}

// CountOf is what a counter has counted. O(number of origins).
func CountOf() Monotone[GCounter, Max[uint64]] {
	return monotone("count", func(c *GCounter) Max[uint64] { return MaxOf(c.Value()) })
}

// Plus is the sum of two numbers that only grow. It saturates at the largest uint64.
func Plus[A any](f, g Monotonic[A, Max[uint64]]) Monotone[A, Max[uint64]] {
	left, right := monotonic(f), monotonic(g)
	return monotone("("+left.named("bottom")+") + ("+right.named("bottom")+")", func(state *A) Max[uint64] {
		return MaxOf(saturatingAdd(left.look(state).max, right.look(state).max))
	})
}
