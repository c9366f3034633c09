package crdt

import "slices"

// table is a sorted map, the memory behind GSet, Map and the rare GCounter with many origins.
//
// Sorted slices are the smallest form for the many small sets of a pipeline, and they make iteration, encoding
// and merging deterministic by construction. To keep insertion cheap in a large one, new keys
// go to a second, short slice, which is merged into the first when it reaches the square root of its length:
// an insertion moves O(√n) slots on average instead of O(n), and nothing if keys arrive in ascending order.
type table[K Ordered, V any] struct {
	base  []slot[K, V] // ascending
	fresh []slot[K, V] // ascending, no key of base
}

// slot has its value first, because a zero-size field (the V of a set) would be padded at the end.
type slot[K Ordered, V any] struct {
	v V
	k K
}

// smallTable is the length up to which moving half the slots is cheaper than keeping a second slice.
const smallTable = 128

func (t *table[K, V]) len() int { return len(t.base) + len(t.fresh) }

// find returns the value of k, or nil. The pointer is good until the next insert. O(log n).
func (t *table[K, V]) find(k K) *V {
	if i := search(t.base, 0, len(t.base), k); i < len(t.base) && t.base[i].k == k {
		return &t.base[i].v
	}
	if i := search(t.fresh, 0, len(t.fresh), k); i < len(t.fresh) && t.fresh[i].k == k {
		return &t.fresh[i].v
	}
	return nil
}

// insert adds a key that is absent.
func (t *table[K, V]) insert(k K, v V) {
	s := slot[K, V]{v: v, k: k}
	switch n := len(t.base); {
	case n == 0 || t.base[n-1].k < k:
		t.base = append(t.base, s)
	case n <= smallTable:
		t.base = slices.Insert(t.base, search(t.base, 0, n, k), s)
	default:
		t.fresh = slices.Insert(t.fresh, search(t.fresh, 0, len(t.fresh), k), s)
		t.compact()
	}
}

// insertAll adds slots that are ascending and absent, and keeps the slice.
func (t *table[K, V]) insertAll(added []slot[K, V]) {
	switch {
	case len(added) == 0:
	case t.len() == 0:
		t.base = added
	case len(t.base) <= smallTable:
		t.base = mergeSlots(t.base, added)
	default:
		t.fresh = mergeSlots(t.fresh, added)
		t.compact()
	}
}

// compact empties fresh into base once it has reached the square root of its length.
func (t *table[K, V]) compact() {
	if n := len(t.fresh); n*n < len(t.base) {
		return
	}
	t.base = mergeSlots(t.base, t.fresh)
	clear(t.fresh) // let go of keys and values
	t.fresh = t.fresh[:0]
}

// mergeSlots merges two ascending slices without common keys into the first, from the back, in O(len(a)+len(b)).
func mergeSlots[K Ordered, V any](a, b []slot[K, V]) []slot[K, V] {
	i, j := len(a)-1, len(b)-1
	a = append(a, b...)
	for w := len(a) - 1; j >= 0; w-- {
		if i >= 0 && a[i].k > b[j].k {
			a[w] = a[i]
			i--
		} else {
			a[w] = b[j]
			j--
		}
	}
	return a
}

// all yields the slots in ascending order of keys.
func (t *table[K, V]) all(yield func(*slot[K, V]) bool) {
	i, j := 0, 0
	for i < len(t.base) || j < len(t.fresh) {
		var s *slot[K, V]
		if j == len(t.fresh) || i < len(t.base) && t.base[i].k < t.fresh[j].k {
			s = &t.base[i]
			i++
		} else {
			s = &t.fresh[j]
			j++
		}
		if !yield(s) {
			return
		}
	}
}

// join merges other into t. A key that is in both is given to merge, which says whether mine grew. A key that is new
// gets the zero value, into which merge copies theirs. Looking up m keys among n is O(m log(n/m)); inserting them moves
// O(√n) slots each on average, and fewer if they are many.
func (t *table[K, V]) join(other *table[K, V], merge func(mine, theirs *V) bool) (grew bool) {
	var added []slot[K, V]
	i, j := 0, 0
	for s := range other.all {
		i, j = gallop(t.base, i, s.k), gallop(t.fresh, j, s.k)
		switch {
		case i < len(t.base) && t.base[i].k == s.k:
			grew = merge(&t.base[i].v, &s.v) || grew
		case j < len(t.fresh) && t.fresh[j].k == s.k:
			grew = merge(&t.fresh[j].v, &s.v) || grew
		default:
			added = append(added, slot[K, V]{k: s.k})
			merge(&added[len(added)-1].v, &s.v)
		}
	}
	t.insertAll(added)
	return grew || len(added) > 0
}

// search returns the first index in [lo, hi) whose key is not below k, or hi.
func search[K Ordered, V any](s []slot[K, V], lo, hi int, k K) int {
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if s[mid].k < k {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// gallop is search from an index on that is likely near.
func gallop[K Ordered, V any](s []slot[K, V], from int, k K) int {
	step := 1
	for from+step <= len(s) && s[from+step-1].k < k {
		from += step
		step *= 2
	}
	return search(s, from, min(from+step, len(s)), k)
}
