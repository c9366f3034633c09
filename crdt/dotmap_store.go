package crdt

import (
	"cmp"
	"encoding/json"
	"slices"
)

// What a DotMap does as a part of a larger store, dot by dot.

func (m *DotMap[K, S, P]) core() store { return m }

func (m *DotMap[K, S, P]) base() store { return m }

func (m *DotMap[K, S, P]) of(s store) *DotMap[K, S, P] {
	other, _ := s.base().(*DotMap[K, S, P])
	return other
}

func (m *DotMap[K, S, P]) empty() bool { return m.Len() == 0 }

func (m *DotMap[K, S, P]) least() (d Dot) {
	if m.many != nil {
		return m.many.dots.first().d
	}
	for i := range m.few {
		if least := m.few[i].least(); i == 0 || least.before(d) {
			d = least
		}
	}
	return d
}

func (m *DotMap[K, S, P]) has(d Dot) bool { return m.at(d) != nil }

func (m *DotMap[K, S, P]) dots(yield func(Dot) bool) bool {
	if m.many != nil {
		for e := range m.many.dots.all {
			if !yield(e.d) {
				return false
			}
		}
		return true
	}
	for i := range m.few {
		if !m.few[i].store().dots(yield) {
			return false
		}
	}
	return true
}

func (m *DotMap[K, S, P]) between(d Dot, hi uint64, limit int, to []Dot) []Dot {
	if m.many != nil {
		return m.many.dots.dotsBetween(d, hi, limit, to)
	}
	start := len(to)
	for i := range m.few {
		to = m.few[i].store().between(d, hi, limit, to)
	}
	slices.SortFunc(to[start:], Dot.compare)
	return to[:min(len(to), start+limit)]
}

func (m *DotMap[K, S, P]) put(d Dot, from store) {
	theirs := m.of(from).at(d)
	e := m.entry(theirs.k)
	if e == nil {
		fresh := dotMapEntry[K, S, P]{k: theirs.k}
		fresh.store().put(d, theirs.store())
		m.insert(fresh)
		return
	}
	e.store().put(d, theirs.store())
	if m.many != nil {
		m.many.dots.insert(d, e)
	}
}

func (m *DotMap[K, S, P]) merge(d Dot, from store) (grew, same bool) {
	mine, theirs := m.at(d), m.of(from).at(d)
	if mine.k != theirs.k {
		return false, false
	}
	return mine.store().merge(d, theirs.store())
}

func (m *DotMap[K, S, P]) below(d Dot, other store) bool {
	mine, theirs := m.at(d), m.of(other).at(d)
	return mine.k == theirs.k && mine.store().below(d, theirs.store())
}

func (m *DotMap[K, S, P]) remove(d Dot) bool {
	e := m.at(d)
	if e == nil {
		return false
	}
	e.store().remove(d)
	if m.many != nil {
		m.many.dots.remove(d)
	}
	if e.store().empty() {
		m.drop(e.k)
	}
	return true
}

func (m *DotMap[K, S, P]) fill(from store) {
	for e := range m.of(from).entries {
		fresh := dotMapEntry[K, S, P]{k: e.k}
		fresh.store().fill(e.store())
		m.insert(fresh)
	}
}

// append appends n | (key | store) * n, by the first dot of each store.
func (m *DotMap[K, S, P]) append(b []byte, w *dotWriter) (_ []byte, err error) {
	b = appendUvarint(b, uint64(m.Len()))
	for e := range m.entries {
		first := w.at.placeOf(e.least(), w.origins)
		if b, err = e.store().append(appendElement(b, e.k), w); err != nil {
			return b, err
		}
		w.at = first
	}
	return b, nil
}

func (m *DotMap[K, S, P]) read(r *dotReader) {
	for left := r.count(4); left > 0; left-- {
		before := r.at
		e := dotMapEntry[K, S, P]{k: readElement[K](r.reader)}
		e.store().read(r)
		switch {
		case r.err != nil:
			return
		case e.store().empty():
			r.corrupt("a store is empty")
			return
		case m.entry(e.k) != nil:
			r.corrupt("a key comes twice")
			return
		case !e.store().dots(func(d Dot) bool { return !m.has(d) }):
			r.corrupt("a dot comes twice")
			return
		}
		r.at = before.placeOf(e.least(), r.origins)
		m.insert(e)
	}
}

// MarshalJSON shows the stores as an object, by key.
func (m DotMap[K, S, P]) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, e := range m.sorted() {
		if i > 0 {
			b = append(b, ',')
		}
		key, err := json.Marshal(keyText(e.k))
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(e.s)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, key...), ':'), value...)
	}
	return append(b, '}'), nil
}

// dotMapFew is how many keys do without an index, if they have few dots.
const dotMapFew = 16

// dotMapEntry is a key with its store.
type dotMapEntry[K Ordered, S any, P DotStore[S]] struct {
	k K
	s S
}

func (e *dotMapEntry[K, S, P]) store() store { return P(&e.s).core() }

func (e *dotMapEntry[K, S, P]) least() Dot { return e.store().least() }

// dotMapIndex is a map with many keys.
type dotMapIndex[K Ordered, S any, P DotStore[S]] struct {
	keys map[K]*dotMapEntry[K, S, P]
	dots dotTable[*dotMapEntry[K, S, P]]
	most int // keys, since the Go map was made, which does not shrink
}

// entries yields the entries by the first dot of each.
func (m *DotMap[K, S, P]) entries(yield func(*dotMapEntry[K, S, P]) bool) {
	if m.many != nil {
		for e := range m.many.dots.all {
			if e.v.least() == e.d && !yield(e.v) {
				return
			}
		}
		return
	}
	var buf [dotMapFew]*dotMapEntry[K, S, P]
	few := buf[:0]
	for i := range m.few {
		few = append(few, &m.few[i])
	}
	slices.SortFunc(few, func(a, b *dotMapEntry[K, S, P]) int { return a.least().compare(b.least()) })
	for _, e := range few {
		if !yield(e) {
			return
		}
	}
}

// each yields the entries in any order.
func (m *DotMap[K, S, P]) each(yield func(*dotMapEntry[K, S, P]) bool) {
	for i := range m.few {
		if !yield(&m.few[i]) {
			return
		}
	}
	if m.many != nil {
		for _, e := range m.many.keys {
			if !yield(e) {
				return
			}
		}
	}
}

// sorted returns the entries by key.
func (m *DotMap[K, S, P]) sorted() []*dotMapEntry[K, S, P] {
	all := slices.AppendSeq(make([]*dotMapEntry[K, S, P], 0, m.Len()), m.each)
	if m.many != nil {
		slices.SortFunc(all, func(a, b *dotMapEntry[K, S, P]) int { return cmp.Compare(a.k, b.k) })
	}
	return all
}

// entry returns the entry of k, or nil. It is good until keys come or go.
func (m *DotMap[K, S, P]) entry(k K) *dotMapEntry[K, S, P] {
	if m.many != nil {
		return m.many.keys[k]
	}
	if i := m.search(k); i < len(m.few) && m.few[i].k == k {
		return &m.few[i]
	}
	return nil
}

// search returns where k is or belongs among the few.
func (m *DotMap[K, S, P]) search(k K) (i int) {
	for i < len(m.few) && m.few[i].k < k {
		i++
	}
	return i
}

// at returns the entry that has d, or nil.
func (m *DotMap[K, S, P]) at(d Dot) *dotMapEntry[K, S, P] {
	if m.many != nil {
		if e := m.many.dots.find(d); e != nil {
			return *e
		}
		return nil
	}
	for i := range m.few {
		if m.few[i].store().has(d) {
			return &m.few[i]
		}
	}
	return nil
}

// insert adds an entry whose key is absent. Its store is not empty.
func (m *DotMap[K, S, P]) insert(e dotMapEntry[K, S, P]) {
	if m.many == nil && len(m.few) < dotMapFew {
		m.few = insertAt(m.few, m.search(e.k), e)
		return
	}
	if m.many == nil {
		m.many = &dotMapIndex[K, S, P]{keys: make(map[K]*dotMapEntry[K, S, P], 2*dotMapFew)}
		for _, old := range m.few {
			m.index(old)
		}
		m.few = nil
	}
	m.index(e)
}

func (m *DotMap[K, S, P]) index(e dotMapEntry[K, S, P]) {
	m.many.keys[e.k] = &e
	m.many.most = max(m.many.most, len(m.many.keys))
	e.store().dots(func(d Dot) bool {
		m.many.dots.insert(d, &e)
		return true
	})
}

// drop takes out the entry of k, of whose dots none is in the index any more.
func (m *DotMap[K, S, P]) drop(k K) {
	if m.many == nil {
		i := m.search(k)
		if m.few = slices.Delete(m.few, i, i+1); len(m.few) == 0 {
			m.few = nil
		}
		return
	}
	delete(m.many.keys, k)
	switch {
	case m.many.dots.len() <= dotMapFew/2: // and each key has one at least
		few := m.sorted()
		*m = DotMap[K, S, P]{}
		for _, e := range few {
			m.insert(*e)
		}
	case len(m.many.keys)*4 <= m.many.most:
		m.many.keys, m.many.most = copyOf(m.many.keys), len(m.many.keys)
	}
}
