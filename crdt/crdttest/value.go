package crdttest

import (
	"iter"

	"github.com/calmstream/calmstream/crdt"
)

// value is a pointer to a value of the lattice under test. The checks are written against it, and not against type parameters: they would be
// compiled once for each lattice, which takes longer than to run them.
type value interface {
	merge(other value) (grew bool)
	encode(b []byte) ([]byte, error)
	decode(data []byte) error
	// bottom returns a new zero value.
	bottom() value
	// decomposable says whether parts and delta may be called.
	decomposable() bool
	parts() iter.Seq[value]
	delta(since value) value
	// settled is not ok for a type that is no crdt.Settler.
	settled() (is, ok bool)
	conflict() bool
	// pointer returns the *L itself.
	pointer() any
}

// box makes a value of an *L.
type box[L any, P crdt.Lattice[L]] struct{ x *L }

func (b box[L, P]) merge(other value) bool            { return P(b.x).Merge(unbox[L](other)) }
func (b box[L, P]) encode(buf []byte) ([]byte, error) { return P(b.x).AppendBinary(buf) }
func (b box[L, P]) decode(data []byte) error          { return P(b.x).UnmarshalBinary(data) }
func (b box[L, P]) bottom() value                     { return box[L, P]{new(L)} }
func (b box[L, P]) pointer() any                      { return b.x }

func (b box[L, P]) decomposable() bool {
	_, ok := any(b.x).(crdt.Decomposable[L])
	return ok
}

func (b box[L, P]) parts() iter.Seq[value] {
	parts := any(b.x).(crdt.Decomposable[L]).Decompose() //nolint:errcheck // decomposable has said so
	return func(yield func(value) bool) {
		parts(func(part L) bool { return yield(box[L, P]{&part}) })
	}
}

func (b box[L, P]) delta(since value) value {
	delta := any(b.x).(crdt.Decomposable[L]).Delta(unbox[L](since)) //nolint:errcheck // decomposable has said so
	return box[L, P]{&delta}
}

func (b box[L, P]) settled() (is, ok bool) {
	s, ok := any(b.x).(crdt.Settler)
	return ok && s.Settled(), ok
}

func (b box[L, P]) conflict() bool {
	c, ok := any(b.x).(interface{ Conflict() bool })
	return ok && c.Conflict()
}

// unbox returns the *L of a value of that lattice.
func unbox[L any](v value) *L {
	return v.pointer().(*L) //nolint:errcheck // values of two lattices never meet
}

// boxed returns the bottom and copies of the samples.
func boxed[L any, P crdt.Lattice[L]](samples []L) []value {
	all := append(make([]L, 1, 1+len(samples)), samples...)
	values := make([]value, len(all))
	for i := range all {
		values[i] = box[L, P]{&all[i]}
	}
	return values
}

// boxedFunc is a function from one lattice to another, or to itself.
func boxedFunc[A, B any, Q crdt.Lattice[B]](f func(*A) B) func(value) value {
	return func(v value) value {
		y := f(unbox[A](v))
		return box[B, Q]{&y}
	}
}
