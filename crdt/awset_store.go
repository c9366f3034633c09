package crdt

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
)

// AWSetStore is the store of an [AWSet], which can be nested in an [ORMap] and in a [DotMap].
type AWSetStore[T Ordered] struct {
	dotValues[T, elementValue[T]]
	index *setIndex[T] // nil while there are few dots
}

// setFew is how many dots do without an index.
const setFew = 16

// Add puts x into the set.
func (s *AWSetStore[T]) Add(c *Clock, x T) {
	d, ok := c.fresh()
	if !ok {
		return
	}
	s.take(c, x)
	s.table.insert(d, x)
	if s.index != nil {
		s.index.set(d, x)
	}
	s.resize()
}

// Remove takes x out of the set.
func (s *AWSetStore[T]) Remove(c *Clock, x T) {
	s.take(c, x)
	if s.index != nil {
		delete(s.index.dot, x)
	}
	s.resize()
}

// Clear takes all elements out of the set.
func (s *AWSetStore[T]) Clear(c *Clock) {
	s.dotValues.Clear(c)
	s.index = nil
}

// Contains reports whether x is in the set.
func (s *AWSetStore[T]) Contains(x T) bool {
	if s.index != nil {
		_, ok := s.index.dot[x]
		return ok
	}
	return slices.ContainsFunc(s.table.flat, func(e dotted[T]) bool { return e.v == x })
}

// Len returns the number of elements.
func (s *AWSetStore[T]) Len() int {
	if s.index != nil {
		return len(s.index.dot)
	}
	n := 0
	for i, e := range s.table.flat {
		if !slices.ContainsFunc(s.table.flat[:i], func(f dotted[T]) bool { return f.v == e.v }) {
			n++
		}
	}
	return n
}

// All yields the elements, ascending. The set must not change meanwhile. O(n log n).
func (s *AWSetStore[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, x := range s.sorted() {
			if !yield(x) {
				return
			}
		}
	}
}

func (s *AWSetStore[T]) sorted() []T {
	all := make([]T, 0, s.table.len())
	for e := range s.table.all {
		all = append(all, e.v)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// MarshalJSON shows the elements as an array, ascending.
func (s AWSetStore[T]) MarshalJSON() ([]byte, error) { return json.Marshal(s.sorted()) }

// take takes out the dots of x, but leaves x in the index: it goes, or gets another dot.
func (s *AWSetStore[T]) take(c *Clock, x T) {
	if s.index != nil {
		s.index.take(x, func(d Dot) {
			s.table.remove(d)
			c.gone(d)
		})
		return
	}
	for i := len(s.table.flat) - 1; i >= 0; i-- {
		if e := s.table.flat[i]; e.v == x {
			s.table.remove(e.d)
			c.gone(e.d)
		}
	}
}

// resize makes an index, drops it, or makes it smaller, as the number of dots asks for.
func (s *AWSetStore[T]) resize() {
	switch n := s.table.len(); {
	case s.index == nil && n > setFew:
		s.index = &setIndex[T]{dot: make(map[T]uint64, n)}
		for e := range s.table.all {
			s.index.add(e.d, e.v)
		}
	case s.index != nil && n <= setFew/2:
		s.index = nil
	case s.index != nil:
		s.index.resize()
	}
}

// As a part of a larger store it does what dotValues do, and keeps the index.

func (s *AWSetStore[T]) core() store { return s }

func (s *AWSetStore[T]) put(d Dot, from store) {
	x := *s.of(from).table.find(d)
	s.table.insert(d, x)
	if s.index != nil {
		s.index.add(d, x)
	}
	s.resize()
}

func (s *AWSetStore[T]) remove(d Dot) bool {
	x, ok := s.table.remove(d)
	if !ok {
		return false
	}
	if s.index != nil {
		s.index.drop(d, x)
	}
	s.resize()
	return true
}

func (s *AWSetStore[T]) fill(from store) {
	s.dotValues.fill(from)
	s.resize()
}

func (s *AWSetStore[T]) read(r *dotReader) {
	s.dotValues.read(r)
	s.resize()
}

// setIndex finds the dots of an element of a set. Nearly all elements have one, from one of a few origins: such a dot is
// packed into a number, to keep the map small.
type setIndex[T Ordered] struct {
	dot     map[T]uint64              // for each element its packed dot, or 0 if its dots are in more
	more    map[T]*dotTable[struct{}] // of adds that did not know of each other, and dots that cannot be packed
	origins []origin                  // those that can be packed
	most    int                       // elements, since the Go map was made, which does not shrink
}

const (
	packedOrigins = 1 << 8
	packedNumber  = 1<<56 - 1
)

// pack returns d as a number, or 0 if its origin or its number is too far up.
func (i *setIndex[T]) pack(d Dot) uint64 {
	at := slices.Index(i.origins, d.origin)
	if at < 0 {
		if at = len(i.origins); at == packedOrigins {
			return 0
		}
		i.origins = append(i.origins, d.origin)
	}
	if d.n > packedNumber {
		return 0
	}
	return uint64(at)<<56 | d.n
}

func (i *setIndex[T]) unpack(p uint64) Dot { return Dot{origin: i.origins[p>>56], n: p & packedNumber} }

// add notes that x has d, and perhaps other dots.
func (i *setIndex[T]) add(d Dot, x T) {
	p, ok := i.dot[x]
	if !ok {
		i.set(d, x)
		return
	}
	if p != 0 {
		i.keep(i.unpack(p), x)
		i.dot[x] = 0
	}
	i.keep(d, x)
}

// set notes that x has d and nothing else.
func (i *setIndex[T]) set(d Dot, x T) {
	p := i.pack(d)
	if i.dot[x] = p; p == 0 {
		i.keep(d, x)
	}
}

// keep puts d into more.
func (i *setIndex[T]) keep(d Dot, x T) {
	if i.more == nil {
		i.more = map[T]*dotTable[struct{}]{}
	}
	if i.more[x] == nil {
		i.more[x] = new(dotTable[struct{}])
	}
	i.more[x].insert(d, struct{}{})
}

// drop notes that x does not have d any more.
func (i *setIndex[T]) drop(d Dot, x T) {
	if i.dot[x] != 0 {
		delete(i.dot, x)
		return
	}
	more := i.more[x]
	more.remove(d)
	switch more.len() {
	case 0:
		delete(i.dot, x)
		delete(i.more, x)
	case 1:
		if p := i.pack(more.first().d); p != 0 {
			i.dot[x] = p
			delete(i.more, x)
		}
	}
}

// take yields the dots of x. The caller takes x out, or gives it another dot.
func (i *setIndex[T]) take(x T, yield func(Dot)) {
	p, ok := i.dot[x]
	if !ok {
		return
	}
	if p != 0 {
		yield(i.unpack(p))
		return
	}
	for e := range i.more[x].all {
		yield(e.d)
	}
	delete(i.more, x)
}

// resize gives memory back when most of the elements are gone.
func (i *setIndex[T]) resize() {
	if i.most = max(i.most, len(i.dot)); len(i.dot)*4 > i.most {
		return
	}
	*i = setIndex[T]{dot: copyOf(i.dot), more: copyOf(i.more), origins: i.origins, most: len(i.dot)}
}

// copyOf copies a map into one that is as large as it needs.
func copyOf[K comparable, V any](m map[K]V) map[K]V {
	c := make(map[K]V, len(m))
	maps.Copy(c, m)
	return c
}
