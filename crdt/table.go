package crdt

import (
	"unsafe"
)

// table is a sorted map, the memory behind GSet, Map and the rare GCounter with many origins.
//
// A small one is a sorted slice, the smallest form for the many small sets of a pipeline. One that outgrows a leaf becomes
// a B+-tree, whose leaves are such slices: an insertion moves at most a leaf and one node of each level above it,
// which is O(log n) always, not on average. Iteration, encoding and merging are in order by construction.
//
// Nothing is ever taken out. The shape depends on the history, and does not show.
type table[K Ordered, V any] struct {
	// All slots while they fit into a leaf: then tall is nil. It may also be given more, as a whole.
	base []slot[K, V]
	tall *tableTree[K, V]
}

// slot has its value first, because a zero-size field (the V of a set) would be padded at the end.
type slot[K Ordered, V any] struct {
	v V
	k K
}

const (
	// A leaf takes so many bytes, but not fewer or more slots. Moving half a leaf costs about as much as missing the cache.
	leafBytes          = 2048
	minSlots, maxSlots = 16, 128
)

// leafSlots is how many slots a leaf has room for. It is split when that is used up, so that it holds one less.
func leafSlots[K Ordered, V any]() int {
	return max(minSlots, min(leafBytes/int(unsafe.Sizeof(slot[K, V]{})), maxSlots))
}

// newTable returns an empty table with the memory for the first of n keys.
func newTable[K Ordered, V any](n int) (t table[K, V]) {
	t.base = make([]slot[K, V], 0, min(n, leafSlots[K, V]()))
	return t
}

func (t *table[K, V]) len() int {
	if t.tall != nil {
		return t.tall.n
	}
	return len(t.base)
}

// leaf returns the slots among which k is or belongs.
func (t *table[K, V]) leaf(k K) *[]slot[K, V] {
	if t.tall == nil {
		return &t.base
	}
	n := &t.tall.root
	for n.kids != nil {
		n = &n.kids[n.kidOf(k)].tableNode
	}
	return &n.slots
}

// lastLeaf returns the slots of the last leaf.
func (t *table[K, V]) lastLeaf() *[]slot[K, V] {
	if t.tall == nil {
		return &t.base
	}
	n := &t.tall.root
	for n.kids != nil {
		n = &n.kids[len(n.kids)-1].tableNode
	}
	return &n.slots
}

// below reports whether all keys are below k.
func (t *table[K, V]) below(k K) bool {
	last := *t.lastLeaf()
	return len(last) == 0 || last[len(last)-1].k < k
}

// find returns the value of k, or nil. The pointer is good until the next insertion. O(log n).
func (t *table[K, V]) find(k K) *V {
	slots := *t.leaf(k)
	if i := search(slots, k); i < len(slots) && slots[i].k == k {
		return &slots[i].v
	}
	return nil
}

// put returns the value of k, as find does, after adding the zero value if there was none. O(log n).
func (t *table[K, V]) put(k K) (v *V, added bool) {
	leaf := t.leaf(k)
	i := search(*leaf, k)
	if i < len(*leaf) && (*leaf)[i].k == k {
		return &(*leaf)[i].v, false
	}
	one := [1]slot[K, V]{{k: k}}
	if len(*leaf)+1 >= leafSlots[K, V]() {
		t.insertAll(one[:])
		return t.find(k), true
	}
	*leaf = insertAt(*leaf, i, one[0])
	t.grown(1)
	return &(*leaf)[i].v, true
}

// insert adds a key that is absent. O(log n).
func (t *table[K, V]) insert(k K, v V) {
	at, _ := t.put(k)
	*at = v
}

// push adds a key that all others are below and returns where its value is, the zero value. O(1) on average.
func (t *table[K, V]) push(k K) *V {
	leaf := t.lastLeaf()
	if len(*leaf)+1 >= leafSlots[K, V]() {
		one := [1]slot[K, V]{{k: k}}
		t.insertAll(one[:])
		leaf = t.lastLeaf()
		return &(*leaf)[len(*leaf)-1].v
	}
	*leaf = append(*leaf, slot[K, V]{k: k})
	t.grown(1)
	return &(*leaf)[len(*leaf)-1].v
}

func (t *table[K, V]) grown(n int) {
	if t.tall != nil {
		t.tall.n += n
	}
}

// insertAll adds slots that are ascending and absent. It copies them.
func (t *table[K, V]) insertAll(added []slot[K, V]) {
	if len(added) == 0 {
		return
	}
	if t.tall == nil {
		if len(t.base)+len(added) < leafSlots[K, V]() {
			t.base = mergeSlots(t.base, added)
			return
		}
		t.tall = &tableTree[K, V]{root: tableNode[K, V]{slots: t.base}, n: len(t.base)}
		t.base = nil
	}
	t.grown(len(added))
	right := t.tall.root.insertAll(added, true)
	for len(right) > 0 {
		left := tableKid[K, V]{tableNode: t.tall.root}
		t.tall.root = tableNode[K, V]{kids: append([]tableKid[K, V]{left}, right...)}
		right = t.tall.root.splitKids(true) // of many at once
	}
}

// mergeSlots merges two ascending slices without common keys into the first, moving each of its slots at most once.
// If that takes a new array, it is one with the room of a leaf or more.
func mergeSlots[K Ordered, V any](a, b []slot[K, V]) []slot[K, V] {
	end := len(a)
	if sum := end + len(b); sum > cap(a) {
		a = append(make([]slot[K, V], 0, mergedCap[K, V](end, sum)), a...)
	}
	a = a[:end+len(b)]
	for j := len(b) - 1; j >= 0; j-- {
		i := search(a[:end], b[j].k)
		copy(a[i+j+1:], a[i:end])
		a[i+j] = b[j]
		end = i
	}
	return a
}

func mergedCap[K Ordered, V any](n, sum int) int {
	if room := leafSlots[K, V](); sum <= room {
		return min(room, max(sum, 2*n))
	}
	return sum
}

// all yields the slots in ascending order of keys.
func (t *table[K, V]) all(yield func(*slot[K, V]) bool) {
	if t.tall != nil {
		t.tall.root.all(yield)
		return
	}
	for i := range t.base {
		if !yield(&t.base[i]) {
			return
		}
	}
}

// join merges other into t. A key that is in both is given to merge, which says whether mine grew. A key that is new
// gets the zero value, into which merge copies theirs. O(m log n) for m keys of other among n, and O(m+n).
func (t *table[K, V]) join(other *table[K, V], merge func(mine, theirs *V) bool) (grew bool) {
	if t.len() == 0 {
		*t = other.copied(merge)
		return t.len() > 0
	}
	var added []slot[K, V] // apart, so that a merge that panics leaves no zero value behind
	at := t.cursor()
	for s := range other.all {
		if mine := at.find(s.k); mine != nil {
			grew = merge(mine, &s.v) || grew
			continue
		}
		added = append(added, slot[K, V]{k: s.k})
		merge(&added[len(added)-1].v, &s.v)
	}
	t.insertAll(added)
	return grew || len(added) > 0
}

func (t *table[K, V]) copied(merge func(mine, theirs *V) bool) table[K, V] {
	c := newTable[K, V](t.len())
	for s := range t.all {
		merge(c.push(s.k), &s.v)
	}
	return c
}

// cursor finds keys that are asked for in ascending order, in a table that gets no new ones meanwhile: m among n in O(m log n),
// and in O(m+n).
type cursor[K Ordered, V any] struct {
	table *table[K, V]
	slots []slot[K, V] // of a leaf, from the last key on
	// Keys from end on are in other leaves, if there are such.
	end      K
	bounded  bool
	standing bool
}

func (t *table[K, V]) cursor() cursor[K, V] { return cursor[K, V]{table: t} }

func (c *cursor[K, V]) find(k K) *V {
	if !c.standing || c.bounded && c.end <= k {
		c.seek(k)
	}
	c.slots = c.slots[gallop(c.slots, k):]
	if len(c.slots) > 0 && c.slots[0].k == k {
		return &c.slots[0].v
	}
	return nil
}

func (c *cursor[K, V]) seek(k K) {
	c.standing, c.bounded = true, false
	if c.table.tall == nil {
		c.slots = c.table.base
		return
	}
	n := &c.table.tall.root
	for n.kids != nil {
		i := n.kidOf(k)
		if i+1 < len(n.kids) {
			c.end, c.bounded = n.kids[i+1].low, true
		}
		n = &n.kids[i].tableNode
	}
	c.slots = n.slots
}

// search returns the first index whose key is not below k, or the length.
func search[K Ordered, V any](s []slot[K, V], k K) int {
	lo, hi := 0, len(s)
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

// gallop is search for a key that is likely near the front.
func gallop[K Ordered, V any](s []slot[K, V], k K) int {
	from, step := 0, 1
	for from+step <= len(s) && s[from+step-1].k < k {
		from += step
		step *= 2
	}
	return from + search(s[from:min(from+step, len(s))], k)
}
