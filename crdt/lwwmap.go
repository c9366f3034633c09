package crdt

import (
	"encoding/json"
	"errors"
	"iter"
	"strconv"
)

// LWWMap is a map in which the last write of each key wins, deletions included: an [LWWRegister] for each key, with the same rule of
// time and writer, the same law, and the same warning about skewed clocks. The zero LWWMap is empty.
//
// V may be a string, which carries any bytes. K and V are best small: a value is copied when its slot moves.
//
// A deletion is a write, and a tombstone remembers its time for ever, so that an older write that arrives late stays
// deleted. Tombstones are never dropped: whoever drops one by a timer brings the key back in a copy that was slow. To bound
// them give each period a map of its own (a Map or a window keyed by period) and drop the whole map once that period is
// sealed. Tombstones says how many there are.
//
// If a writer breaks the law and uses a time twice for one key, a deletion wins over a value, and a larger value over a smaller one.
//
// Class of reads: Get, Len and All are not monotone, since a later write replaces or deletes: read them after a seal. The time of the
// last write of a key only rises: ask KeyWrittenAfter.
//
// It is kept sorted, as a [GSet] is: a lookup and a write are O(log n), also of a new key. A key, also one with a tombstone, takes what an
// LWWRegister and the key take, and up to two thirds more if keys come in no order: up to 80 bytes for numbers and 115 for strings,
// besides the strings. Use [Clone] to copy one.
type LWWMap[K, V Ordered] struct {
	writes table[K, stamped[V]]
	live   int // the number of values, as against tombstones
}

// Put writes the value of a key at a time in the name of a writer, and returns the delta: that write alone, or bottom if it lost
// to the current one.
func (m *LWWMap[K, V]) Put(time int64, writer string, k K, v V) LWWMap[K, V] {
	return m.write(k, &stamped[V]{value: v, id: writer, time: time, kind: stampValue})
}

// Delete deletes a key at a time in the name of a writer, known or not, and returns the delta: that deletion alone, or bottom if it
// lost to the current write.
func (m *LWWMap[K, V]) Delete(time int64, writer string, k K) LWWMap[K, V] {
	return m.write(k, &stamped[V]{id: writer, time: time, kind: stampDeleted})
}

func (m *LWWMap[K, V]) write(k K, s *stamped[V]) (delta LWWMap[K, V]) {
	if at := m.writes.find(k); at == nil {
		m.insert(k, s)
	} else if !m.raise(at, s) {
		return delta
	}
	delta.insert(k, s)
	return delta
}

// insert adds the write of a key that is absent.
func (m *LWWMap[K, V]) insert(k K, s *stamped[V]) {
	m.writes.insert(k, *s)
	if s.kind == stampValue {
		m.live++
	}
}

// raise merges theirs into the write of a key, which may be nothing yet.
func (m *LWWMap[K, V]) raise(mine, theirs *stamped[V]) (grew bool) {
	was := mine.kind
	if !mine.raise(theirs) {
		return false
	}
	if was == stampValue {
		m.live--
	}
	if mine.kind == stampValue {
		m.live++
	}
	return true
}

// Get returns the value of the last write known of a key; ok is false if there is none or it was a deletion.
//
// It is not monotone. Read it after a seal.
func (m *LWWMap[K, V]) Get(k K) (v V, ok bool) {
	at := m.writes.find(k)
	if at == nil || at.kind != stampValue {
		return v, false
	}
	return at.value, true
}

// Len returns the number of keys that have a value. O(1). It is not monotone.
func (m *LWWMap[K, V]) Len() int { return m.live }

// Tombstones returns the number of keys that are remembered as deleted. O(1). It is not monotone.
func (m *LWWMap[K, V]) Tombstones() int { return m.writes.len() - m.live }

// All yields the keys that have a value, in ascending order, each with its value. The map must not change meanwhile. It is not
// monotone.
func (m *LWWMap[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for e := range m.writes.all {
			if e.v.kind == stampValue && !yield(e.k, e.v.value) {
				return
			}
		}
	}
}

// Merge takes the later write of each key and reports whether any was that of other.
func (m *LWWMap[K, V]) Merge(other *LWWMap[K, V]) (grew bool) {
	return m.writes.join(&other.writes, m.raise)
}

// Decompose yields the map of each write alone, in ascending order of keys.
func (m *LWWMap[K, V]) Decompose() iter.Seq[LWWMap[K, V]] {
	return func(yield func(LWWMap[K, V]) bool) {
		for e := range m.writes.all {
			var part LWWMap[K, V]
			if part.insert(e.k, &e.v); !yield(part) {
				return
			}
		}
	}
}

// Delta returns the writes that are later than those of since. O(n log m) for n keys here and m there.
func (m *LWWMap[K, V]) Delta(since *LWWMap[K, V]) (delta LWWMap[K, V]) {
	for e := range m.writes.all {
		if at := since.writes.find(e.k); at == nil || at.compare(&e.v) < 0 {
			delta.insert(e.k, &e.v) // ascending: appended
		}
	}
	return delta
}

// KeyWrittenAfter holds once a key was written or deleted at a time after t. From then on every write of that key at t or before
// is known to lose.
func KeyWrittenAfter[K, V Ordered](k K, t int64) UpSet[LWWMap[K, V]] {
	return UpSet[LWWMap[K, V]]{
		name: "at " + elementName(k) + " (" + timeName("written after", t) + ")",
		holds: func(m *LWWMap[K, V]) bool {
			at := m.writes.find(k)
			return at != nil && at.time > t
		},
	}
}

// MarshalJSON shows an object of all keys in ascending order, each with time, writer, and its value or "deleted":true.
func (m LWWMap[K, V]) MarshalJSON() ([]byte, error) {
	type write struct {
		Value   *V     `json:"value,omitempty"`
		Deleted bool   `json:"deleted,omitempty"`
		Time    int64  `json:"time"`
		Writer  string `json:"writer"`
	}
	out := []byte{'{'}
	for e := range m.writes.all {
		w := write{Time: e.v.time, Writer: e.v.id, Deleted: e.v.kind == stampDeleted}
		if !w.Deleted {
			w.Value = &e.v.value
		}
		key, errKey := json.Marshal(keyText(e.k))
		value, err := json.Marshal(w)
		if err := errors.Join(errKey, err); err != nil {
			return nil, err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, key...), ':'), value...)
	}
	return append(out, '}'), nil
}

// Encoding, version 1:
//
//	LWWMap   version | n | (key | kind | stamp) * n     keys strictly ascending; stamp: see stamped.go, its id is the writer
//	key      element
//	kind     1: a value; 2: a deletion

// AppendBinary appends the encoding of m to b. The error is always nil.
func (m *LWWMap[K, V]) AppendBinary(b []byte) ([]byte, error) {
	b = appendUvarint(append(b, version1), uint64(m.writes.len()))
	for e := range m.writes.all {
		b = e.v.append(append(appendElement(b, e.k), byte(e.v.kind)))
	}
	return b, nil
}

// UnmarshalBinary replaces m with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], m is as before.
func (m *LWWMap[K, V]) UnmarshalBinary(data []byte) error {
	r := open("LWWMap", data)
	var d LWWMap[K, V]
	var writer string // of the slot before: likely that of the next one
	count := r.count(4)
	slots := make([]slot[K, stamped[V]], 0, count)
	for range count {
		k, kind := readElement[K](&r), r.uvarint()
		switch n := len(slots); {
		case n > 0 && k <= slots[n-1].k:
			r.corrupt("keys are not ascending")
		case kind != uint64(stampValue) && kind != uint64(stampDeleted):
			r.corrupt("no kind has the number " + strconv.FormatUint(kind, 10))
		}
		if r.err != nil {
			break
		}
		slots = append(slots, slot[K, stamped[V]]{k: k, v: readStamped[V](&r, stampKind(kind), &writer)})
		if kind == uint64(stampValue) {
			d.live++
		}
	}
	if err := r.close(); err != nil {
		return err
	}
	d.writes.base = slots
	*m = d
	return nil
}
