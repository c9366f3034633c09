package crdt

import (
	"encoding/json"
	"fmt"
	"iter"
)

// Lex is a value under a key, of which the higher key wins: the lexicographic pair (Enes et al., ICDE 2019; the lexical pair of
// Almeida et al., 2018). Equal keys merge their values; a higher key replaces the value, whatever it
// was. The zero Lex has no key.
//
// That is how a value may start afresh, or even go down, and still converge: raise the key. The key is an epoch, a version, a
// sequence number of the only writer.
//
// The key is of a chain (integers and strings: any two compare), and it must be. With keys that may be incomparable, such as version
// vectors, the pair that merges both sides when neither key is higher is not associative. Take x = (a, {1}), y = (b, {2}) and
// z = (a', {3}) with a' above a, and b beside both: (x ⊔ y) ⊔ z has the 1, and x ⊔ (y ⊔ z) has dropped it. A value that
// must know of concurrent keys belongs in a causal type instead.
//
// V is the lattice and P its pointer, for example Lex[uint64, GSet[string], *GSet[string]].
//
// The law that its users keep: who raises a key means to forget what was under the lower one. Updates that others still
// make under the lower key are lost.
//
// Class of reads: Key only rises; compare it upward, with KeyAtLeast. Value is not monotone, however V grows, because a
// higher key drops it: ask Reached, or read it after a seal.
//
// Its size is that of K and V and one byte, padded. Use [Clone] to copy one.
type Lex[K Ordered, V any, P Lattice[V]] struct {
	value V
	key   K
	some  bool // whether there is a key; without one key and value are zero
}

// LexOf returns the pair of k and v, which is the delta of an update. It keeps no reference to memory of v.
func LexOf[K Ordered, V any, P Lattice[V]](k K, v V) Lex[K, V, P] {
	return Lex[K, V, P]{value: Clone[V, P](&v), key: k, some: true}
}

// Update merges delta into the value if k is the key, replaces the value by it if k is a higher one, and does nothing if k is
// lower. It returns the delta of the pair, which takes delta over: (k, delta), or bottom if nothing changed.
// O(size of delta).
func (l *Lex[K, V, P]) Update(k K, delta V) Lex[K, V, P] {
	d := Lex[K, V, P]{value: delta, key: k, some: true}
	if !l.Merge(&d) {
		return Lex[K, V, P]{}
	}
	return d
}

// Key returns the highest key known; ok is false if there is none. It is a lower bound of the key: ask KeyAtLeast.
func (l *Lex[K, V, P]) Key() (k K, ok bool) { return l.key, l.some }

// Value returns a copy of the value under the highest key, which shares no memory with l; ok is false if there is no key.
//
// It is not monotone: a higher key replaces it. Read it after a seal.
func (l *Lex[K, V, P]) Value() (v V, ok bool) { return Clone[V, P](&l.value), l.some }

// Merge takes the pair with the higher key, or merges the values under equal keys, and reports whether l grew.
func (l *Lex[K, V, P]) Merge(other *Lex[K, V, P]) (grew bool) {
	switch {
	case !other.some || l.some && other.key < l.key:
		return false
	case l.some && other.key == l.key:
		return P(&l.value).Merge(&other.value)
	}
	// In this order l is never below what it was, even if the merge of a user's type panics.
	var bottom V
	l.key, l.some, l.value = other.key, true, bottom
	P(&l.value).Merge(&other.value)
	return true
}

// Decompose yields the key with each part of the value; the key alone if the value is bottom. A value whose type is
// not [Decomposable] is one part.
func (l *Lex[K, V, P]) Decompose() iter.Seq[Lex[K, V, P]] {
	return func(yield func(Lex[K, V, P]) bool) {
		if !l.some {
			return
		}
		none := true
		for part := range partsOf[V, P](&l.value) {
			none = false
			if !yield(Lex[K, V, P]{value: part, key: l.key, some: true}) {
				return
			}
		}
		if none {
			yield(Lex[K, V, P]{key: l.key, some: true})
		}
	}
}

// Delta returns what since lacks: nothing if its key is higher, the delta of the values if the keys are equal, all of l if
// its key is lower. It is the least delta if V is [Decomposable].
func (l *Lex[K, V, P]) Delta(since *Lex[K, V, P]) (delta Lex[K, V, P]) {
	switch {
	case !l.some || since.some && l.key < since.key:
		return delta
	case !since.some || since.key < l.key:
		return LexOf[K, V, P](l.key, l.value)
	}
	d := deltaOf[V, P](&l.value, &since.value)
	if isBottom[V, P](&d) {
		return delta
	}
	return Lex[K, V, P]{value: d, key: l.key, some: true}
}

// KeyAtLeast holds once a Lex has the key k or a higher one.
func KeyAtLeast[K Ordered, V any, P Lattice[V]](k K) UpSet[Lex[K, V, P]] {
	return UpSet[Lex[K, V, P]]{
		name:  "key >= " + elementName(k),
		holds: func(l *Lex[K, V, P]) bool { return l.some && l.key >= k },
	}
}

// Reached holds once a Lex has the key k with a value in u, or a higher key with any value. A key may be passed before its
// value is in u: a yes says that u was reached or no longer matters, which is what an upward-closed question can say.
func Reached[K Ordered, V any, P Lattice[V]](k K, u UpSet[V]) UpSet[Lex[K, V, P]] {
	return UpSet[Lex[K, V, P]]{
		name:  "key > " + elementName(k) + ", or equal with (" + u.String() + ")",
		holds: func(l *Lex[K, V, P]) bool { return l.some && (l.key > k || l.key == k && u.Holds(&l.value)) },
	}
}

// MarshalJSON shows key and value, or null if there is no key.
func (l Lex[K, V, P]) MarshalJSON() ([]byte, error) {
	if !l.some {
		return []byte("null"), nil
	}
	return json.Marshal(struct {
		Key   K  `json:"key"`
		Value *V `json:"value"`
	}{l.key, &l.value})
}

// Encoding, version 1:
//
//	Lex   version | (element | value)?     the key, and the value, which may be bottom; nothing: bottom

// AppendBinary appends the encoding of l to b. An error is that of the value; b is then returned as it was.
func (l *Lex[K, V, P]) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	b = append(b, version1)
	if !l.some {
		return b, nil
	}
	b, err := appendValue[V, P](appendElement(b, l.key), &l.value)
	if err != nil {
		return b[:start], fmt.Errorf("crdt: encode Lex: value of key %s: %w", elementName(l.key), err)
	}
	return b, nil
}

// UnmarshalBinary replaces l with the value encoded in data. On an error l is as before. The error wraps [ErrCorrupt],
// [ErrVersion] or that of the value.
func (l *Lex[K, V, P]) UnmarshalBinary(data []byte) error {
	r := open("Lex", data)
	var m Lex[K, V, P]
	var value []byte
	if len(data) > 1 {
		m.key, value, m.some = readElement[K](&r), r.bytes(), true
	}
	if err := r.close(); err != nil {
		return err
	}
	if m.some {
		if err := P(&m.value).UnmarshalBinary(value); err != nil {
			return fmt.Errorf("crdt: decode Lex: value of key %s: %w", elementName(m.key), err)
		}
	}
	*l = m
	return nil
}
