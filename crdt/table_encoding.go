package crdt

import (
	"encoding/binary"
	"slices"
)

// The encoding of keys alone, which sets share:
//
//	keys   n | element * n      elements strictly ascending

// appendKeys appends the encoding of the keys to b.
func (t *table[K, V]) appendKeys(b []byte) []byte {
	n := t.len()
	b = appendUvarint(b, uint64(n))
	if cap(b)-len(b) < 2*n { // not a buffer that is used again
		b = slices.Grow(b, t.keyBytes())
	}
	for e := range t.all {
		b = appendElement(b, e.k)
	}
	return b
}

// keyBytes is about what the encodings of the keys take.
func (t *table[K, V]) keyBytes() (size int) {
	last := *t.lastLeaf()
	if len(last) == 0 {
		return 0
	}
	if _, ok := any(last[0].k).(string); !ok {
		// Of unsigned numbers the largest is the longest. A named string may be of any length.
		return t.len() * min(binary.MaxVarintLen64, len(appendElement(nil, last[len(last)-1].k)))
	}
	for e := range t.all {
		size += 1 + len(any(e.k).(string))
	}
	return size
}

// readKeys reads what appendKeys wrote, with the zero value for each key.
func readKeys[K Ordered, V any](r *reader) table[K, V] {
	n := r.count(1)
	t := newTable[K, V](n)
	for range n {
		k := readElement[K](r)
		if !t.below(k) {
			r.corrupt("elements are not ascending")
		}
		if r.err != nil {
			break
		}
		t.push(k)
	}
	return t
}
