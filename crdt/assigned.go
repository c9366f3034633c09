package crdt

import "iter"

// assigned has a value for each key that is assigned once: the memory behind SealedSet and Ledger.
//
// Each key is a small lattice: below is "not assigned", then come the values, and values that differ merge to a conflict. The
// conflict keeps two witnesses, the smallest and the largest value, so that it can be told what was assigned;
// therefore it comes apart into them, which a conflict that forgets its values does not.
type assigned[K, T Ordered] struct {
	low  table[K, T]  // the smallest value assigned to a key: the value, where the rule is kept
	high *table[K, T] // the largest, where it is another; nil if there is no conflict
}

// put assigns v to k and reports whether that changed anything. Where the smallest value of a key changes, it tells lowered what it was,
// or the zero value if there was none. O(log n) for a key that is there, else as an insertion into the table.
func (a *assigned[K, T]) put(k K, v T, lowered func(from, to T)) (grew bool) {
	if at := a.low.find(k); at != nil {
		return a.clash(k, at, v, lowered)
	}
	a.low.insert(k, v)
	var none T
	lowered(none, v)
	return true
}

// clash assigns v to a key that has the value at.
func (a *assigned[K, T]) clash(k K, at *T, v T, lowered func(from, to T)) (grew bool) {
	if v == *at {
		return false
	}
	if a.high == nil {
		a.high = new(table[K, T])
	}
	top := a.high.find(k)
	if v < *at {
		if top == nil {
			a.high.insert(k, *at)
		}
		lowered(*at, v)
		*at = v
		return true
	}
	switch {
	case top == nil:
		a.high.insert(k, v)
	case v > *top:
		*top = v
	default:
		return false
	}
	return true
}

// get returns the smallest and the largest value assigned to k; ok is false if there is none.
func (a *assigned[K, T]) get(k K) (low, high T, ok bool) {
	at := a.low.find(k)
	if at == nil {
		return low, high, false
	}
	low, high = *at, *at
	if a.high != nil {
		if top := a.high.find(k); top != nil {
			high = *top
		}
	}
	return low, high, true
}

func (a *assigned[K, T]) conflict() bool { return a.high != nil && a.high.len() > 0 }

// conflicts yields the keys with several values, in ascending order.
func (a *assigned[K, T]) conflicts(yield func(K) bool) {
	if a.high == nil {
		return
	}
	for s := range a.high.all {
		if !yield(s.k) {
			return
		}
	}
}

func (a *assigned[K, T]) merge(other *assigned[K, T], lowered func(from, to T)) (grew bool) {
	var none T
	var fresh []slot[K, T]
	for s := range other.low.all {
		if at := a.low.find(s.k); at != nil {
			grew = a.clash(s.k, at, s.v, lowered) || grew
		} else {
			fresh = append(fresh, *s)
			lowered(none, s.v)
		}
	}
	a.low.insertAll(fresh)
	if other.high != nil {
		for s := range other.high.all {
			grew = a.clash(s.k, a.low.find(s.k), s.v, lowered) || grew
		}
	}
	return grew || len(fresh) > 0
}

// parts yields what was assigned to each key, in ascending order of keys and values.
func (a *assigned[K, T]) parts() iter.Seq2[K, T] {
	return func(yield func(K, T) bool) {
		for s := range a.low.all {
			if !yield(s.k, s.v) {
				return
			}
			if _, high, _ := a.get(s.k); high != s.v && !yield(s.k, high) {
				return
			}
		}
	}
}

// delta returns the parts that are not below since.
func (a *assigned[K, T]) delta(since *assigned[K, T], lowered func(from, to T)) (d assigned[K, T]) {
	for k, v := range a.parts() {
		if low, high, ok := since.get(k); !ok || v < low || v > high {
			d.put(k, v, lowered) // ascending: appended
		}
	}
	return d
}

// The encoding of the conflicts, which follows that of the smallest values. That is for each type to draw:
//
//	conflicts   n | (element | element) * n      keys strictly ascending, all assigned; a value above the smallest

func (a *assigned[K, T]) appendConflicts(b []byte) []byte {
	if a.high == nil {
		return append(b, 0)
	}
	b = appendUvarint(b, uint64(a.high.len()))
	for s := range a.high.all {
		b = appendElement(appendElement(b, s.k), s.v)
	}
	return b
}

// readConflicts reads the conflicts of a, whose smallest values are read.
func (a *assigned[K, T]) readConflicts(r *reader) {
	var last K
	for left := r.count(2); left > 0 && r.err == nil; left-- {
		k := readElement[K](r)
		v := readElement[T](r)
		at := a.low.find(k)
		switch {
		case r.err != nil:
		case a.high != nil && k <= last:
			r.corrupt("conflicts are not ascending")
		case at == nil:
			r.corrupt("a conflict about a key that is not assigned")
		case v <= *at:
			r.corrupt("a conflict of a value that is not above the smallest")
		default:
			if a.high == nil {
				a.high = new(table[K, T])
			}
			a.high.insert(k, v)
			last = k
		}
	}
}
