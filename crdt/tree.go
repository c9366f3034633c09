package crdt

import "slices"

// tree is an ordered set that also lets go of items: the memory behind Intervals, TopK and their like.
//
// It is a B+ tree. Items stand in the leaves. An inner node has a bound for each kid: not above any item of that kid, and above
// every item of the kids before it. Nodes are not kept half full: one that has become empty goes, and two neighbours become one
// when they fit into half a node, so that a tree which shrinks gives its memory back. A node that is filled from
// one of its ends is left full when it splits: items that come in order, up or down, take no more memory than a slice of them.
//
// All operations are O(log n). A tree of up to treeWidth items is a sorted slice.
//
// It is one of three trees of this package, none of which could carry another for nothing. This one calls the compare of its items, which Go
// cannot inline into a generic search. A table compares keys with <, merges many keys at once, and never lets go. A dotTable
// compares dots, whose origins are mostly the same pointer, and guesses from their numbers where they are.
type tree[E sorted[E]] struct {
	root node[E] // by value, so that a tree of one item, such as a delta, is one allocation
	n    int
}

// sorted is an item of a tree. The order is total: 0 means equal.
type sorted[E any] interface {
	compare(other E) int
}

type node[E sorted[E]] struct {
	items []E        // ascending: the items of a leaf, the bounds of an inner node
	kids  []*node[E] // as many as bounds; nil in a leaf
}

// treeWidth is where moving half a leaf costs about as much as going down one more level.
const treeWidth = 64

// find returns the item that equals e, or nil. Pointers are good until the next insert or delete.
func (t *tree[E]) find(e E) *E {
	if at := t.floor(e); at != nil && (*at).compare(e) == 0 {
		return at
	}
	return nil
}

// floor returns the last item that is not above e, or nil.
func (t *tree[E]) floor(e E) *E { return t.root.floor(e) }

// after returns the first item above e, or nil.
func (t *tree[E]) after(e E) *E { return t.root.after(e) }

// last returns the last item, or nil.
func (t *tree[E]) last() *E {
	if t.n == 0 {
		return nil
	}
	return t.root.last()
}

// all yields the items in ascending order.
func (t *tree[E]) all(yield func(*E) bool) { t.root.all(yield) }

// insert adds an item that is absent.
func (t *tree[E]) insert(e E) {
	t.n++
	if right := t.root.insert(e); right != nil {
		left := t.root
		t.root = node[E]{items: []E{left.items[0], right.items[0]}, kids: []*node[E]{&left, right}}
	}
}

// delete takes the item that equals e out and reports whether there was one.
func (t *tree[E]) delete(e E) bool {
	if !t.root.delete(e) {
		return false
	}
	t.n--
	for len(t.root.kids) == 1 {
		t.root = *t.root.kids[0]
	}
	if t.n == 0 {
		t.root = node[E]{} // lets go of the memory
	}
	return true
}

// seek returns how many items or bounds are not above e.
func (n *node[E]) seek(e E) int {
	lo, hi := 0, len(n.items)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if n.items[mid].compare(e) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (n *node[E]) floor(e E) *E {
	i := n.seek(e) - 1
	switch {
	case i < 0:
		return nil
	case n.kids == nil:
		return &n.items[i]
	}
	if at := n.kids[i].floor(e); at != nil || i == 0 {
		return at
	}
	return n.kids[i-1].last() // the bound of kid i stands for an item that has gone
}

func (n *node[E]) after(e E) *E {
	i := n.seek(e)
	if n.kids == nil {
		if i == len(n.items) {
			return nil
		}
		return &n.items[i]
	}
	if i > 0 {
		if at := n.kids[i-1].after(e); at != nil || i == len(n.kids) {
			return at
		}
	}
	return n.kids[i].first()
}

func (n *node[E]) first() *E {
	for n.kids != nil {
		n = n.kids[0]
	}
	return &n.items[0]
}

func (n *node[E]) last() *E {
	for n.kids != nil {
		n = n.kids[len(n.kids)-1]
	}
	return &n.items[len(n.items)-1]
}

func (n *node[E]) all(yield func(*E) bool) bool {
	if n.kids == nil {
		for i := range n.items {
			if !yield(&n.items[i]) {
				return false
			}
		}
	}
	for _, kid := range n.kids {
		if !kid.all(yield) {
			return false
		}
	}
	return true
}

// insert adds e and returns the new neighbour to the right if the node had to split.
func (n *node[E]) insert(e E) (right *node[E]) {
	i := n.seek(e)
	if n.kids == nil {
		return n.put(i, e, nil)
	}
	if i == 0 {
		n.items[0] = e // a bound is not above what is below it
		i = 1
	}
	if kid := n.kids[i-1].insert(e); kid != nil {
		return n.put(i, kid.items[0], kid)
	}
	return nil
}

// put adds an item, or a bound with its kid, at index i. It splits a full node first, and returns its right part.
func (n *node[E]) put(i int, e E, kid *node[E]) (right *node[E]) {
	into := n
	if len(n.items) == treeWidth {
		cut := treeWidth / 2
		if i == 0 || i == treeWidth {
			cut = i
		}
		right = n.split(cut)
		if i > cut || cut == treeWidth {
			into, i = right, i-cut
		}
	}
	into.items = insertAt(into.items, i, e)
	if kid != nil {
		into.kids = insertAt(into.kids, i, kid)
	}
	return right
}

// split moves what is at index cut and behind to a new node.
func (n *node[E]) split(cut int) *node[E] {
	right := &node[E]{items: slices.Clone(n.items[cut:])}
	n.items = slices.Delete(n.items, cut, len(n.items))
	if n.kids != nil {
		right.kids = slices.Clone(n.kids[cut:])
		n.kids = slices.Delete(n.kids, cut, len(n.kids))
	}
	return right
}

func (n *node[E]) delete(e E) bool {
	i := n.seek(e) - 1
	if i < 0 {
		return false
	}
	if n.kids == nil {
		if n.items[i].compare(e) != 0 {
			return false
		}
		n.items = slices.Delete(n.items, i, i+1)
		return true
	}
	if !n.kids[i].delete(e) {
		return false
	}
	switch here := len(n.kids[i].items); {
	case here == 0:
		n.drop(i)
	case i+1 < len(n.kids) && here+len(n.kids[i+1].items) <= treeWidth/2:
		n.absorb(i)
	case i > 0 && here+len(n.kids[i-1].items) <= treeWidth/2:
		n.absorb(i - 1)
	}
	return true
}

// absorb moves what kid i+1 has into kid i.
func (n *node[E]) absorb(i int) {
	left, right := n.kids[i], n.kids[i+1]
	left.items = append(left.items, right.items...)
	left.kids = append(left.kids, right.kids...)
	n.drop(i + 1)
}

func (n *node[E]) drop(i int) {
	n.items = slices.Delete(n.items, i, i+1)
	n.kids = slices.Delete(n.kids, i, i+1)
}
