package crdt

import (
	"encoding/json"
	"iter"
)

// kBest has the k best different items of all that it was given: what MaxK and MinK are. E is in the order of the ranking.
type kBest[E sorted[E]] struct {
	k     limit
	items tree[E]
}

// add adds an item and reports whether it is among the best and was not there.
func (x *kBest[E]) add(e E) bool {
	full := x.k.full(x.items.n)
	if full && (*x.items.last()).compare(e) <= 0 || x.items.find(e) != nil {
		return false
	}
	if full {
		x.items.delete(*x.items.last())
	}
	x.items.insert(e)
	return true
}

// observe is add that returns the delta.
func (x *kBest[E]) observe(e E) (delta kBest[E]) {
	if x.add(e) {
		delta.k = x.k
		delta.items.insert(e)
	}
	return delta
}

// limit lowers the limit to k, unless it is lower, and drops what exceeds it.
func (x *kBest[E]) limit(k limit) bool {
	if !x.k.below(k) {
		return false
	}
	x.k = k
	for k.exceeded(x.items.n) {
		x.items.delete(*x.items.last())
	}
	return true
}

func (x *kBest[E]) merge(other *kBest[E]) (grew bool) {
	grew = x.limit(other.k)
	for e := range other.items.all {
		if x.k.full(x.items.n) && (*x.items.last()).compare(*e) < 0 {
			break // the others come after it
		}
		grew = x.add(*e) || grew
	}
	return grew
}

// delta returns what of x is in the merge with since, but not in since. It has the limit of x if it has anything.
func (x *kBest[E]) delta(since *kBest[E]) (d kBest[E]) {
	var both kBest[E]
	both.merge(since)
	both.merge(x)
	for e := range x.items.all {
		if both.items.find(*e) != nil && since.items.find(*e) == nil {
			d.items.insert(*e)
		}
	}
	if d.items.n > 0 || since.k.below(x.k) {
		d.k = x.k
	}
	return d
}

// reached reports whether there are k items, none of which comes after e.
func (x *kBest[E]) reached(e E) bool { return x.k.full(x.items.n) && (*x.items.last()).compare(e) <= 0 }

// The rest is for items that are values.

func valuesOf[T Ordered, D direction](x *kBest[ranked[T, D]]) iter.Seq[T] {
	return func(yield func(T) bool) {
		for e := range x.items.all {
			if !yield(e.v) {
				return
			}
		}
	}
}

func marshalValues[T Ordered, D direction](x *kBest[ranked[T, D]]) ([]byte, error) {
	values := make([]T, 0, x.items.n)
	for e := range x.items.all {
		values = append(values, e.v)
	}
	return json.Marshal(struct {
		K      *int `json:"k"`
		Values []T  `json:"values"`
	}{x.k.shown(), values})
}

func appendValues[T Ordered, D direction](b []byte, x *kBest[ranked[T, D]]) []byte {
	b = appendUvarint(x.k.append(append(b, version1)), uint64(x.items.n))
	for e := range x.items.all {
		b = appendElement(b, e.v)
	}
	return b
}

func decodeValues[T Ordered, D direction](typ string, data []byte, into *kBest[ranked[T, D]]) error {
	r := open(typ, data)
	x := kBest[ranked[T, D]]{k: readLimit(&r)}
	n := r.count(1)
	if x.k.exceeded(n) {
		r.corrupt("there are more values than the limit allows")
	}
	for ; n > 0 && r.err == nil; n-- {
		e := ranked[T, D]{readElement[T](&r)}
		if last := x.items.last(); last != nil && (*last).compare(e) >= 0 {
			r.corrupt("values are not in order")
		}
		x.items.insert(e)
	}
	if err := r.close(); err != nil {
		return err
	}
	*into = x
	return nil
}
