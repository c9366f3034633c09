package crdt

import "slices"

// tableTree is the form of a table that has outgrown a leaf.
type tableTree[K Ordered, V any] struct {
	root tableNode[K, V]
	n    int // slots
}

// tableNode is a leaf, which has slots, or an inner node, which has kids. All leaves are equally deep. A node is at least half
// full, but for the root and the last of each level.
type tableNode[K Ordered, V any] struct {
	slots []slot[K, V]
	kids  []tableKid[K, V]
}

// tableKid is a node in its parent. Standing there by value saves a step of each descent.
type tableKid[K Ordered, V any] struct {
	low K // not above any key in the node, and above all keys in the kids before it; the first kid's is not read
	tableNode[K, V]
}

const maxKids = 64

// insertAll adds slots to a node and returns what it has no room for: nodes to stand right of it. The last node of a level that
// has grown at its end is left full, so that ascending keys leave full nodes behind.
func (n *tableNode[K, V]) insertAll(added []slot[K, V], last bool) (right []tableKid[K, V]) {
	if n.kids == nil {
		atEnd := len(n.slots) == 0 || n.slots[len(n.slots)-1].k < added[0].k
		n.slots = mergeSlots(n.slots, added)
		return n.splitSlots(last && atEnd)
	}
	atEnd := false
	for len(added) > 0 {
		i, end := n.kidOf(added[0].k), len(added)
		if atEnd = i+1 == len(n.kids); !atEnd {
			end = search(added, n.kids[i+1].low)
		}
		more := n.kids[i].insertAll(added[:end], last && atEnd)
		n.kids = slices.Insert(n.kids, i+1, more...)
		added = added[end:]
	}
	return n.splitKids(last && atEnd)
}

// splitSlots leaves in a leaf what may stay there and returns the rest in leaves of its own.
func (n *tableNode[K, V]) splitSlots(full bool) (right []tableKid[K, V]) {
	room, all := leafSlots[K, V](), n.slots
	if len(all) < room {
		return nil
	}
	cut := cuts(len(all), room-1, full)
	for i := 1; cut(i) < len(all); i++ {
		piece := all[cut(i):cut(i+1)]
		right = append(right, tableKid[K, V]{piece[0].k, tableNode[K, V]{slots: leafOf(piece)}})
	}
	if n.slots = all[:cut(1)]; cap(all) > room {
		n.slots = leafOf(n.slots)
	} else {
		clear(all[cut(1):]) // let go of keys and values
	}
	return right
}

// leafOf copies slots to an array with the room of a leaf.
func leafOf[K Ordered, V any](slots []slot[K, V]) []slot[K, V] {
	return append(make([]slot[K, V], 0, leafSlots[K, V]()), slots...)
}

func (n *tableNode[K, V]) splitKids(full bool) (right []tableKid[K, V]) {
	all := n.kids
	if len(all) <= maxKids {
		return nil
	}
	cut := cuts(len(all), maxKids, full)
	for i := 1; cut(i) < len(all); i++ {
		piece := all[cut(i):cut(i+1)]
		right = append(right, tableKid[K, V]{piece[0].low, tableNode[K, V]{kids: slices.Clone(piece)}})
	}
	n.kids = slices.Clone(all[:cut(1)])
	return right
}

// cuts says where piece i begins of n items that go into as few nodes as hold them, most in each: into full ones and a rest, or
// evenly.
func cuts(n, most int, full bool) func(i int) int {
	pieces := (n + most - 1) / most
	return func(i int) int {
		if full {
			return min(i*most, n)
		}
		return i * n / pieces
	}
}

// kidOf returns the index of the kid in which k is or belongs.
func (n *tableNode[K, V]) kidOf(k K) int {
	lo, hi := 1, len(n.kids)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if n.kids[mid].low <= k {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

func (n *tableNode[K, V]) all(yield func(*slot[K, V]) bool) bool {
	for i := range n.slots {
		if !yield(&n.slots[i]) {
			return false
		}
	}
	for i := range n.kids {
		if !n.kids[i].all(yield) {
			return false
		}
	}
	return true
}
