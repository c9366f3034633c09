package crdt

import "iter"

// dotValues is a store that keeps a value for each dot: what all stores but maps are made of. C says how to treat the values.
type dotValues[V any, C dotValue[V]] struct {
	table dotTable[V]
}

// dotValue is the contract of an empty struct that knows how to treat values of type V.
type dotValue[V any] interface {
	// merge merges theirs into mine. It reports false for same, and does nothing, if they cannot stand behind one dot.
	merge(mine, theirs *V) (grew, same bool)
	// below reports whether merge would change nothing.
	below(mine, theirs *V) bool
	// dup returns a copy that shares no memory.
	dup(v *V) V
	append(b []byte, v *V) ([]byte, error)
	read(r *reader) (V, error)
}

// Len returns the number of dots in the store.
func (s *dotValues[V, C]) Len() int { return s.table.len() }

// Dots yields the dots in the store, by origin and number. The store must not change meanwhile.
func (s *dotValues[V, C]) Dots() iter.Seq[Dot] { return func(yield func(Dot) bool) { s.dots(yield) } }

// Clear takes all dots out.
func (s *dotValues[V, C]) Clear(c *Clock) {
	for e := range s.table.all {
		c.gone(e.d)
	}
	s.table = dotTable[V]{}
}

// replace takes all dots out and puts in a fresh one.
func (s *dotValues[V, C]) replace(c *Clock, v V) {
	if d, ok := c.fresh(); ok {
		s.Clear(c)
		s.table.insert(d, v)
	}
}

// of returns the leaf behind a store of the same type.
func (*dotValues[V, C]) of(s store) *dotValues[V, C] {
	l, _ := s.base().(*dotValues[V, C])
	return l
}

func (s *dotValues[V, C]) core() store { return s }

func (s *dotValues[V, C]) base() store { return s }

func (s *dotValues[V, C]) empty() bool { return s.table.len() == 0 }

func (s *dotValues[V, C]) least() Dot { return s.table.first().d }

func (s *dotValues[V, C]) has(d Dot) bool { return s.table.find(d) != nil }

func (s *dotValues[V, C]) dots(yield func(Dot) bool) bool {
	for e := range s.table.all {
		if !yield(e.d) {
			return false
		}
	}
	return true
}

func (s *dotValues[V, C]) between(d Dot, hi uint64, limit int, to []Dot) []Dot {
	return s.table.dotsBetween(d, hi, limit, to)
}

func (s *dotValues[V, C]) put(d Dot, from store) {
	var c C
	s.table.insert(d, c.dup(s.of(from).table.find(d)))
}

func (s *dotValues[V, C]) merge(d Dot, from store) (grew, same bool) {
	var c C
	return c.merge(s.table.find(d), s.of(from).table.find(d))
}

func (s *dotValues[V, C]) below(d Dot, other store) bool {
	var c C
	return c.below(s.table.find(d), s.of(other).table.find(d))
}

func (s *dotValues[V, C]) remove(d Dot) bool {
	_, ok := s.table.remove(d)
	return ok
}

func (s *dotValues[V, C]) fill(from store) {
	var c C
	s.table = s.of(from).table.clone(c.dup)
}

// append appends n | (dot | value) * n, dots ascending.
func (s *dotValues[V, C]) append(b []byte, w *dotWriter) (_ []byte, err error) {
	var c C
	b = appendUvarint(b, uint64(s.table.len()))
	for e := range s.table.all {
		if b, err = c.append(w.dot(b, e.d), &e.v); err != nil {
			return b, w.fail(err, "value of dot "+e.d.String())
		}
	}
	return b, nil
}

func (s *dotValues[V, C]) read(r *dotReader) {
	var c C
	for left := r.count(2); left > 0 && r.err == nil; left-- {
		d := r.dot()
		v, err := c.read(r.reader)
		if err != nil {
			r.fail(err, "value of dot "+d.String())
		}
		if r.err == nil {
			s.table.insert(d, v)
		}
	}
}

// The kinds of values.

var (
	_ dotValue[struct{}] = noValue{}
	_ dotValue[string]   = elementValue[string]{}
	_ dotValue[bool]     = onOffValue{}
	_ dotValue[Max[int]] = latticeValue[Max[int], *Max[int]]{}
)

// noValue stands behind a dot that says all by itself.
type noValue struct{}

func (noValue) merge(_, _ *struct{}) (grew, same bool) { return false, true }

func (noValue) below(_, _ *struct{}) bool { return true }

func (noValue) dup(*struct{}) (v struct{}) { return v }

func (noValue) append(b []byte, _ *struct{}) ([]byte, error) { return b, nil }

func (noValue) read(*reader) (v struct{}, err error) { return v, nil }

// elementValue is what was put into a set with a dot. Two elements with one dot exclude each other.
type elementValue[T Ordered] struct{}

func (elementValue[T]) merge(mine, theirs *T) (grew, same bool) { return false, *mine == *theirs }

func (elementValue[T]) below(mine, theirs *T) bool { return *mine == *theirs }

func (elementValue[T]) dup(v *T) T { return *v }

func (elementValue[T]) append(b []byte, v *T) ([]byte, error) { return appendElement(b, *v), nil }

func (elementValue[T]) read(r *reader) (T, error) { return readElement[T](r), nil }

// onOffValue is whether something was switched on or off with a dot, which exclude each other.
type onOffValue struct{}

func (onOffValue) merge(mine, theirs *bool) (grew, same bool) { return false, *mine == *theirs }

func (onOffValue) below(mine, theirs *bool) bool { return *mine == *theirs }

func (onOffValue) dup(v *bool) bool { return *v }

func (onOffValue) append(b []byte, v *bool) ([]byte, error) {
	if *v {
		return append(b, 1), nil
	}
	return append(b, 0), nil
}

func (onOffValue) read(r *reader) (bool, error) {
	n := r.uvarint()
	if n > 1 {
		r.corrupt("what is on or off is neither 0 nor 1")
	}
	return n == 1, nil
}

// latticeValue is a value of a lattice, which may grow behind its dot.
type latticeValue[V any, P Lattice[V]] struct{}

func (latticeValue[V, P]) merge(mine, theirs *V) (grew, same bool) {
	return P(mine).Merge(theirs), true
}

func (latticeValue[V, P]) below(mine, theirs *V) bool { return Below[V, P](mine, theirs) }

func (latticeValue[V, P]) dup(v *V) V { return Clone[V, P](v) }

func (latticeValue[V, P]) append(b []byte, v *V) ([]byte, error) { return appendValue[V, P](b, v) }

func (latticeValue[V, P]) read(r *reader) (v V, err error) {
	if data := r.bytes(); r.err == nil {
		err = P(&v).UnmarshalBinary(data)
	}
	return v, err
}
