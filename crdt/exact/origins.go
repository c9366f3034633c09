package exact

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"unsafe"

	"github.com/calmstream/calmstream/crdt/internal/wire"
)

// part is what one origin has contributed. It only grows, and merges by maximum, field by field.
type part[P any] interface {
	*P

	// terms returns how many terms it is of; 0 only for none.
	terms() uint64
	merge(other *P) (grew bool)
	clone() P
	appendTo(b []byte) []byte
	// read replaces the receiver. An error sticks to r.
	read(r *wire.Reader)
}

// entry is the part of an origin.
type entry[P any] struct {
	origin string
	part   P
}

func (e entry[P]) compare(origin string) int { return strings.Compare(e.origin, origin) }

// origins has a part for each origin. There is normally one, so that the smallest stands in the struct.
type origins[P any, Q part[P]] struct {
	first entry[P] // of 0 terms if there is none
	more  *[]entry[P]
}

// of returns the part of an origin to be added to, which makes its terms more than 0.
func (o *origins[P, Q]) of(origin string) *P {
	// Comparing the pointers takes half the time of comparing strings.
	if len(origin) == len(o.first.origin) && unsafe.StringData(origin) == unsafe.StringData(o.first.origin) && Q(&o.first.part).terms() > 0 {
		return &o.first.part
	}
	switch {
	case Q(&o.first.part).terms() == 0 || origin == o.first.origin:
		o.first.origin = origin // so that the next time is fast
		return &o.first.part
	case o.more == nil:
		o.more = new([]entry[P])
	}
	if origin < o.first.origin { // a new smallest takes the place in the struct
		*o.more = slices.Insert(*o.more, 0, o.first)
		o.first = entry[P]{origin: origin}
		return &o.first.part
	}
	at, found := slices.BinarySearchFunc(*o.more, origin, entry[P].compare)
	if !found {
		*o.more = slices.Insert(*o.more, at, entry[P]{origin: origin})
	}
	return &(*o.more)[at].part
}

// all yields the parts by origin, ascending.
func (o *origins[P, Q]) all(yield func(origin string, part *P) bool) {
	if Q(&o.first.part).terms() == 0 || !yield(o.first.origin, &o.first.part) || o.more == nil {
		return
	}
	for i := range *o.more {
		if e := &(*o.more)[i]; !yield(e.origin, &e.part) {
			return
		}
	}
}

func (o *origins[P, Q]) merge(other *origins[P, Q]) (grew bool) {
	for origin, part := range other.all {
		grew = Q(o.of(origin)).merge(part) || grew
	}
	return grew
}

// single returns what an origin has now: the delta of an addition of its.
func single[P any, Q part[P]](origin string, part *P) (delta origins[P, Q]) {
	delta.first = entry[P]{origin, Q(part).clone()}
	return delta
}

// count returns how many terms there are.
func (o *origins[P, Q]) count() (n uint64) {
	for _, part := range o.all {
		n = saturatingAdd(n, Q(part).terms())
	}
	return n
}

func (o *origins[P, Q]) len() int {
	switch {
	case Q(&o.first.part).terms() == 0:
		return 0
	case o.more == nil:
		return 1
	default:
		return 1 + len(*o.more)
	}
}

// The encoding of origins: n | (string | part) * n, ascending, each of more than 0 terms.
func (o *origins[P, Q]) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(o.len()))
	for origin, part := range o.all {
		b = Q(part).appendTo(wire.AppendString(b, origin))
	}
	return b
}

func (o *origins[P, Q]) read(r *wire.Reader) {
	last := ""
	for left := r.Count(3); left > 0 && r.OK(); left-- {
		origin := r.Origin()
		if o.len() > 0 && cmp.Compare(origin, last) <= 0 {
			r.Corrupt("origins are not ascending")
			return
		}
		var p P
		Q(&p).read(r)
		if r.OK() && Q(&p).terms() == 0 {
			r.Corrupt("an origin has no terms")
		}
		if r.OK() {
			*o.of(origin) = p
		}
		last = origin
	}
}
