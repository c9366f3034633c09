package crdt

import "fmt"

// Shape is what a test can see of the table behind a set or a map.
type Shape struct {
	Err         error // what is wrong: the order, the bounds, the depth or how full it is
	Depth       int   // levels above the leaves; 0 for a slice
	Slots, Room int
}

// Shape returns the shape of the table behind s.
func (s *GSet[T]) Shape() Shape { return s.elements.shape() }

// Shape returns the shape of the table behind m.
func (m *Map[K, V, P]) Shape() Shape { return m.entries.shape() }

func (t *table[K, V]) shape() (s Shape) {
	s.Err = t.check()
	if t.tall == nil {
		s.Slots, s.Room = len(t.base), cap(t.base)
		return s
	}
	for n := &t.tall.root; n.kids != nil; n = &n.kids[0].tableNode {
		s.Depth++
	}
	t.tall.root.leaves(func(slots []slot[K, V]) {
		s.Slots += len(slots)
		s.Room += cap(slots)
	})
	return s
}

func (n *tableNode[K, V]) leaves(visit func(slots []slot[K, V])) {
	if n.kids == nil {
		visit(n.slots)
	}
	for i := range n.kids {
		n.kids[i].leaves(visit)
	}
}

func (t *table[K, V]) check() error {
	var last *K
	n := 0
	for s := range t.all {
		if last != nil && *last >= s.k {
			return fmt.Errorf("%v stands before %v", *last, s.k)
		}
		last = &s.k
		n++
	}
	if n != t.len() {
		return fmt.Errorf("%d slots, and a length of %d", n, t.len())
	}
	if t.tall == nil {
		return nil
	}
	if t.base != nil {
		return fmt.Errorf("both a slice and a tree")
	}
	_, err := t.tall.root.check(true, true)
	return err
}

// check returns the depth of a node below which all is well.
func (n *tableNode[K, V]) check(root, last bool) (depth int, err error) {
	if n.kids == nil {
		room := leafSlots[K, V]()
		if len(n.slots) >= room || cap(n.slots) > room || !root && !last && len(n.slots) < (room-1)/2 {
			return 0, fmt.Errorf("a leaf has %d slots, with a capacity of %d, for %d", len(n.slots), cap(n.slots), room)
		}
		return 0, nil
	}
	if len(n.slots) > 0 || len(n.kids) > maxKids || !last && len(n.kids) < maxKids/2 || root && len(n.kids) < 2 {
		return 0, fmt.Errorf("a node has %d kids and %d slots", len(n.kids), len(n.slots))
	}
	for i := range n.kids {
		below, err := n.kids[i].check(false, last && i+1 == len(n.kids))
		if err != nil {
			return 0, err
		}
		if i > 0 && below+1 != depth {
			return 0, fmt.Errorf("a kid is %d deep, its neighbour %d", below, depth-1)
		}
		depth = below + 1
		n.kids[i].leaves(func(slots []slot[K, V]) {
			for _, s := range slots {
				if i > 0 && s.k < n.kids[i].low || i+1 < len(n.kids) && s.k >= n.kids[i+1].low {
					err = fmt.Errorf("%v is in the wrong kid", s.k)
				}
			}
		})
		if err != nil {
			return 0, err
		}
	}
	return depth, nil
}
