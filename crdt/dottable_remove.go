package crdt

import "slices"

// remove takes out a dot and returns what was there. The memory of what is left is at most a few times what it needs.
func (t *dotTable[V]) remove(d Dot) (v V, ok bool) {
	if t.tree == nil {
		if t.flat, v, ok = withoutDot(t.flat, d); ok && len(t.flat)*4 <= cap(t.flat) {
			t.flat = slices.Clip(slices.Clone(t.flat))
		}
		return v, ok
	}
	if v, ok = t.tree.root.remove(d); !ok {
		return v, false
	}
	if t.tree.n--; t.tree.n <= dotLeaf/4 {
		few := make([]dotted[V], 0, t.tree.n)
		for e := range t.all {
			few = append(few, *e)
		}
		*t = dotTable[V]{flat: few}
		return v, true
	}
	for len(t.tree.root.kids) == 1 {
		t.tree.root = t.tree.root.kids[0].node
	}
	return v, true
}

// withoutDot takes d out of items in place.
func withoutDot[V any](items []dotted[V], d Dot) (left []dotted[V], v V, ok bool) {
	i := indexOf(items, d)
	if i == len(items) || items[i].d != d {
		return items, v, false
	}
	v = items[i].v
	return slices.Delete(items, i, i+1), v, true
}

func (n *dotNode[V]) remove(d Dot) (v V, ok bool) {
	if n.kids == nil {
		n.items, v, ok = withoutDot(n.items, d)
		return v, ok
	}
	i := n.kidOf(d)
	if v, ok = n.kids[i].node.remove(d); ok {
		n.tidy(i)
	}
	return v, ok
}

// tidy drops kid i if it is empty, and joins it with a neighbour if it has little in it and there is room.
func (n *dotNode[V]) tidy(i int) {
	kid := n.kids[i].node
	switch size := len(kid.items) + len(kid.kids); {
	case size == 0:
		n.kids = slices.Delete(n.kids, i, i+1)
	case size > dotKids/4 && (kid.kids != nil || size > dotLeaf/4):
	case i+1 < len(n.kids) && n.join(i):
	case i > 0:
		n.join(i - 1)
	}
}

// join moves kid i+1 into kid i, if there is room for both and for as much again to come.
func (n *dotNode[V]) join(i int) bool {
	left, right := n.kids[i].node, n.kids[i+1].node
	if len(left.items)+len(right.items) > dotLeaf/2 || len(left.kids)+len(right.kids) > dotKids/2 {
		return false
	}
	left.items = append(left.items, right.items...)
	if right.kids != nil {
		right.kids[0].low = n.kids[i+1].low
		left.kids = append(left.kids, right.kids...)
	}
	n.kids = slices.Delete(n.kids, i+1, i+2)
	return true
}
