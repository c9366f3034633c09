package crdt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Map is a lattice for each key. It merges key by key; the zero Map is empty, and a key whose value is bottom
// is the same as an absent one. Use [Clone] to copy one.
//
// V is the lattice and P its pointer, for example Map[string, GCounter, *GCounter].
//
// Class of reads: the keys are monotone, since a key that is there stays. Of values it is as for their own reads. Ask [At], or
// read it after a seal.
//
// It is kept sorted: a lookup and a new key are O(log n), also in the worst case.
//
// A Map is 32 bytes. An entry takes what its key and its value take, and half as much again in a large map, a tenth if keys came in
// ascending order: 36 bytes for a uint64 with a Max of uint64.
type Map[K Ordered, V any, P Lattice[V]] struct {
	entries table[K, V]
}

// MapOf returns the map of one key, which is the delta of an update. It keeps no reference to memory of v.
func MapOf[K Ordered, V any, P Lattice[V]](k K, v V) Map[K, V, P] {
	var m Map[K, V, P]
	m.Update(k, v)
	return m
}

// Update merges delta into the value of k and reports whether that grew. It keeps no reference to memory of delta.
// The delta of the map itself is MapOf(k, delta).
func (m *Map[K, V, P]) Update(k K, delta V) (grew bool) {
	if v := m.entries.find(k); v != nil {
		return P(v).Merge(&delta)
	}
	var v V
	if !P(&v).Merge(&delta) {
		return false
	}
	m.entries.insert(k, v)
	return true
}

// Get returns a copy of the value of k, which shares no memory with the map; ok is false if it is bottom.
func (m *Map[K, V, P]) Get(k K) (v V, ok bool) {
	at := m.entries.find(k)
	if at == nil {
		return v, false
	}
	return Clone[V, P](at), true
}

// Len returns the number of keys known.
func (m *Map[K, V, P]) Len() int { return m.entries.len() }

// Keys yields the keys known, in ascending order. The map must not change meanwhile.
func (m *Map[K, V, P]) Keys() iter.Seq[K] {
	return func(yield func(K) bool) {
		for e := range m.entries.all {
			if !yield(e.k) {
				return
			}
		}
	}
}

// All yields the keys known, in ascending order, each with a copy of its value. The map must not change meanwhile.
func (m *Map[K, V, P]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for e := range m.entries.all {
			if !yield(e.k, Clone[V, P](&e.v)) {
				return
			}
		}
	}
}

// Merge merges the value of each key of other and reports whether any grew.
func (m *Map[K, V, P]) Merge(other *Map[K, V, P]) (grew bool) {
	return m.entries.join(&other.entries, func(mine, theirs *V) bool { return P(mine).Merge(theirs) })
}

// Decompose yields the map of one key and one part of its value, in ascending order of keys, for each part. A value that is
// not [Decomposable] is one part.
func (m *Map[K, V, P]) Decompose() iter.Seq[Map[K, V, P]] {
	return func(yield func(Map[K, V, P]) bool) {
		for e := range m.entries.all {
			d, ok := any(P(&e.v)).(Decomposable[V])
			if !ok {
				if !yield(MapOf[K, V, P](e.k, e.v)) {
					return
				}
				continue
			}
			for part := range d.Decompose() {
				if !yield(MapOf[K, V, P](e.k, part)) {
					return
				}
			}
		}
	}
}

// Delta returns what since lacks: of a value that is [Decomposable] its own delta, else the whole value unless it is
// below that of since. O(n log m) for n keys here and m there, and O(n+m), besides what values take.
func (m *Map[K, V, P]) Delta(since *Map[K, V, P]) (delta Map[K, V, P]) {
	at := since.entries.cursor()
	var part, missing V // here, since they are allocated; missing is the bottom between keys
	for e := range m.entries.all {
		var grew bool
		theirs := at.find(e.k)
		if theirs == nil {
			grew = P(&missing).Merge(&e.v)
		} else if d, ok := any(P(&e.v)).(Decomposable[V]); ok {
			part = d.Delta(theirs)
			grew = P(&missing).Merge(&part)
		} else {
			grew = !Below[V, P](&e.v, theirs) && P(&missing).Merge(&e.v)
		}
		if grew {
			var bottom V
			*delta.entries.push(e.k), missing = missing, bottom
		}
	}
	return delta
}

// MarshalJSON shows an object of the keys known, in ascending order, each with its value.
func (m Map[K, V, P]) MarshalJSON() ([]byte, error) {
	return jsonObject(func(yield func(string, P) bool) {
		for e := range m.entries.all {
			if !yield(keyText(e.k), P(&e.v)) {
				return
			}
		}
	})
}

// Encoding, version 1: see encoding.go.

// AppendBinary appends the encoding of m to b. An error is that of a value; b is then returned as it was.
func (m *Map[K, V, P]) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	b = appendUvarint(append(b, version1), uint64(m.Len()))
	for e := range m.entries.all {
		var err error
		if b, err = appendValue[V, P](appendElement(b, e.k), &e.v); err != nil {
			return b[:start], fmt.Errorf("crdt: encode Map: value of key %s: %w", elementName(e.k), err)
		}
	}
	return b, nil
}

var errShrunk = errors.New("AppendBinary returned less than it was given; it must append")

// appendValue appends the encoding of v behind its length, which is known only afterwards: one byte
// is set aside for it, and more are made room for if it turns out to need them.
func appendValue[V any, P Lattice[V]](b []byte, v *V) ([]byte, error) {
	start := len(b)
	out, err := P(v).AppendBinary(append(b, 0))
	if err != nil {
		return b, err
	}
	if len(out) < start+1 {
		return b, errShrunk
	}
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(len(out)-start-1))
	return slices.Replace(out, start, start+1, length[:n]...), nil
}

// UnmarshalBinary replaces m with the value encoded in data. On an error m is as before. The error wraps [ErrCorrupt],
// [ErrVersion] or that of a value.
func (m *Map[K, V, P]) UnmarshalBinary(data []byte) error {
	r := open("Map", data)
	// One value, one encoding: the bottom is known by its bytes.
	bottom, err := P(new(V)).AppendBinary(nil)
	if err != nil {
		return fmt.Errorf("crdt: decode Map: encode the bottom value to compare with: %w", err)
	}
	var entries table[K, V] // grown step by step: a V may be far larger than the shortest encoding of one
	for left := r.count(2); left > 0 && r.err == nil; left-- {
		k := readElement[K](&r)
		if !entries.below(k) {
			r.corrupt("keys are not ascending")
		}
		value := r.bytes()
		if bytes.Equal(value, bottom) {
			r.corrupt("a value is bottom")
		}
		if r.err != nil {
			break
		}
		if err := P(entries.push(k)).UnmarshalBinary(value); err != nil {
			return fmt.Errorf("crdt: decode Map: value of key %s, ending at byte %d: %w", elementName(k), r.at, err)
		}
	}
	if err := r.close(); err != nil {
		return err
	}
	m.entries = entries
	return nil
}
