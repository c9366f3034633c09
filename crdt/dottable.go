package crdt

import "slices"

// dotTable is a sorted map from dots, the memory behind contexts and stores.
//
// A small one is a sorted slice and nothing else: there are millions of small states. One that outgrows a leaf becomes
// a B+-tree of such slices, so that whatever the order in which dots come and go, each costs O(log n). The
// shape does not show: tables with equal dots and values may differ in it.
//
// It has no method that changes what it only needs to read, so that many may read it at the same time.
type dotTable[V any] struct {
	flat []dotted[V] // all of it, ascending, while there is no tree
	tree *dotTree[V]
}

// dotted has its value first, because a zero-size field would be padded at the end.
type dotted[V any] struct {
	v V
	d Dot
}

type dotTree[V any] struct {
	root *dotNode[V]
	n    int
}

// dotNode is a leaf, which has items, or an inner node, which has kids. All leaves are equally deep. None is empty.
type dotNode[V any] struct {
	items []dotted[V]
	kids  []dotKid[V]
}

// dotKid is a node and a dot that is not after any in it, but after all in the kids before it. That of the first kid
// is not used.
type dotKid[V any] struct {
	low  Dot
	node *dotNode[V]
}

const (
	dotLeaf = 64 // the most items of a leaf
	dotKids = 64 // the most kids of a node
)

func (t *dotTable[V]) len() int {
	if t.tree != nil {
		return t.tree.n
	}
	return len(t.flat)
}

// indexOf returns the index of the first item that is not before d.
func indexOf[V any](items []dotted[V], d Dot) int {
	lo, hi := near(items, d)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if items[mid].d.before(d) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// near returns bounds for the result of indexOf. Leaves mostly hold the dots of one origin with few gaps: there d is close
// to where it would be with even gaps, and a look at a few neighbours costs less than a binary search through cold memory.
func near[V any](items []dotted[V], d Dot) (lo, hi int) {
	const reach, wide = 4, 1 << 50
	hi = len(items)
	if hi <= 2*reach {
		return 0, hi
	}
	first, last := items[0].d, items[hi-1].d
	if first.origin != d.origin || last.origin != d.origin || d.n < first.n || d.n > last.n || last.n-first.n > wide {
		return 0, hi
	}
	guess := int((d.n - first.n) * uint64(hi-1) / (last.n - first.n))
	lo = max(guess-reach, 0)
	if lo > 0 && items[lo-1].d.n >= d.n {
		return 0, lo
	}
	if high := min(guess+reach, hi-1); items[high].d.n >= d.n {
		return lo, high
	}
	return guess + reach, hi
}

// kidOf returns the index of the kid in which d is, if it is in n.
func (n *dotNode[V]) kidOf(d Dot) int {
	lo, hi := 1, len(n.kids)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if d.before(n.kids[mid].low) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo - 1
}

// find returns the value of d, or nil. Pointers into the table are good until it next changes.
func (t *dotTable[V]) find(d Dot) *V {
	items := t.flat
	if t.tree != nil {
		n := t.tree.root
		for n.kids != nil {
			n = n.kids[n.kidOf(d)].node
		}
		items = n.items
	}
	if i := indexOf(items, d); i < len(items) && items[i].d == d {
		return &items[i].v
	}
	return nil
}

// floor returns the last item that is not after d, or nil.
func (t *dotTable[V]) floor(d Dot) *dotted[V] {
	if t.tree != nil {
		return t.tree.root.floor(d)
	}
	return floorOf(t.flat, d)
}

func floorOf[V any](items []dotted[V], d Dot) *dotted[V] {
	i := indexOf(items, d)
	if i < len(items) && items[i].d == d {
		return &items[i]
	}
	if i == 0 {
		return nil
	}
	return &items[i-1]
}

func (n *dotNode[V]) floor(d Dot) *dotted[V] {
	if n.kids == nil {
		return floorOf(n.items, d)
	}
	i := n.kidOf(d)
	found := n.kids[i].node.floor(d)
	if found == nil && i > 0 { // what made the kid's low was removed
		found = n.kids[i-1].node.last()
	}
	return found
}

func (n *dotNode[V]) last() *dotted[V] {
	for n.kids != nil {
		n = n.kids[len(n.kids)-1].node
	}
	return &n.items[len(n.items)-1]
}

// first returns the first item, or nil.
func (t *dotTable[V]) first() *dotted[V] {
	items := t.flat
	if t.tree != nil {
		n := t.tree.root
		for n.kids != nil {
			n = n.kids[0].node
		}
		items = n.items
	}
	if len(items) == 0 {
		return nil
	}
	return &items[0]
}

// after returns the first item that is not before d, or nil.
func (t *dotTable[V]) after(d Dot) (found *dotted[V]) {
	t.from(d, func(e *dotted[V]) bool {
		found = e
		return false
	})
	return found
}

// from yields the items that are not before d, ascending. It returns false if yield did.
func (t *dotTable[V]) from(d Dot, yield func(*dotted[V]) bool) bool {
	if t.tree != nil {
		return t.tree.root.from(d, yield)
	}
	return yieldFrom(t.flat, indexOf(t.flat, d), yield)
}

func yieldFrom[V any](items []dotted[V], i int, yield func(*dotted[V]) bool) bool {
	for ; i < len(items); i++ {
		if !yield(&items[i]) {
			return false
		}
	}
	return true
}

func (n *dotNode[V]) from(d Dot, yield func(*dotted[V]) bool) bool {
	if n.kids == nil {
		return yieldFrom(n.items, indexOf(n.items, d), yield)
	}
	i := n.kidOf(d)
	if !n.kids[i].node.from(d, yield) {
		return false
	}
	for _, kid := range n.kids[i+1:] {
		if !kid.node.all(yield) {
			return false
		}
	}
	return true
}

// between yields the items whose dots are of d's origin and numbered from d's to hi, ascending. It returns false if
// yield did.
func (t *dotTable[V]) between(d Dot, hi uint64, yield func(*dotted[V]) bool) bool {
	stopped := false
	t.from(d, func(e *dotted[V]) bool {
		if e.d.origin != d.origin || e.d.n > hi {
			return false
		}
		stopped = !yield(e)
		return !stopped
	})
	return !stopped
}

// dotsBetween appends the first dots of between, at most limit of them.
func (t *dotTable[V]) dotsBetween(d Dot, hi uint64, limit int, to []Dot) []Dot {
	if limit += len(to); len(to) < limit {
		t.between(d, hi, func(e *dotted[V]) bool {
			to = append(to, e.d)
			return len(to) < limit
		})
	}
	return to
}

// all yields the items, ascending.
func (t *dotTable[V]) all(yield func(*dotted[V]) bool) {
	if t.tree != nil {
		t.tree.root.all(yield)
		return
	}
	yieldFrom(t.flat, 0, yield)
}

func (n *dotNode[V]) all(yield func(*dotted[V]) bool) bool {
	for _, kid := range n.kids {
		if !kid.node.all(yield) {
			return false
		}
	}
	return yieldFrom(n.items, 0, yield)
}

// insert adds a dot that is absent.
func (t *dotTable[V]) insert(d Dot, v V) {
	e := dotted[V]{v: v, d: d}
	if t.tree == nil {
		n := len(t.flat)
		switch {
		case n == dotLeaf:
			*t = dotTable[V]{tree: &dotTree[V]{root: &dotNode[V]{items: t.flat}, n: n}}
		case n == 0 || t.flat[n-1].d.before(d):
			t.flat = append(t.flat, e)
			return
		default:
			t.flat = insertAt(t.flat, indexOf(t.flat, d), e)
			return
		}
	}
	t.tree.n++
	if right := t.tree.root.insert(e); right.node != nil {
		t.tree.root = &dotNode[V]{kids: []dotKid[V]{{node: t.tree.root}, right}}
	}
}

// insert adds e below n. If n was full, it returns the part of n that was split off.
func (n *dotNode[V]) insert(e dotted[V]) (right dotKid[V]) {
	if n.kids == nil {
		return n.insertItem(e)
	}
	i := n.kidOf(e.d)
	kid := n.kids[i].node.insert(e)
	if kid.node == nil {
		return right
	}
	n.kids = insertAt(n.kids, i+1, kid)
	if len(n.kids) <= dotKids {
		return right
	}
	cut := len(n.kids) / 2
	if i+2 == len(n.kids) {
		cut = len(n.kids) - 1 // ascending: leave full nodes behind
	}
	right = dotKid[V]{low: n.kids[cut].low, node: &dotNode[V]{kids: slices.Clone(n.kids[cut:])}}
	n.kids = slices.Delete(n.kids, cut, len(n.kids))
	return right
}

func (n *dotNode[V]) insertItem(e dotted[V]) (right dotKid[V]) {
	i := indexOf(n.items, e.d)
	if len(n.items) < dotLeaf {
		n.items = insertAt(n.items, i, e)
		return right
	}
	cut := dotLeaf / 2
	if prev := max(i-1, 0); n.items[prev].d.origin == e.d.origin && n.items[prev].d.n+1 == e.d.n {
		cut = i // the numbers of an origin ascend: leave full leaves behind
	}
	moved := append(make([]dotted[V], 0, dotLeaf), n.items[cut:]...)
	n.items = slices.Delete(n.items, cut, dotLeaf)
	if i < cut {
		n.items = insertAt(n.items, i, e)
	} else {
		moved = insertAt(moved, i-cut, e)
	}
	return dotKid[V]{low: moved[0].d, node: &dotNode[V]{items: moved}}
}

// clone returns a copy, with values copied by dup.
func (t *dotTable[V]) clone(dup func(*V) V) (c dotTable[V]) {
	if t.tree == nil && len(t.flat) > 0 {
		c.flat = make([]dotted[V], 0, len(t.flat))
	}
	for e := range t.all {
		c.insert(e.d, dup(&e.v))
	}
	return c
}
