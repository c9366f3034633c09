package crdt

import (
	"cmp"
	"strconv"
	"unique"
)

// stamped is a value with the time of the caller's clock and a name that breaks ties: what the registers by time are made
// of. The zero stamped is nothing.
//
// Stamped values are in one total order: by time, then by id as bytes, then a deletion above values, then by value. The last two make
// it total, whatever users do: a register that kept one of two equals, by a >= say, would keep what comes last.
type stamped[T Ordered] struct {
	value T // zero unless kind is stampValue
	id    string
	time  int64
	kind  stampKind
}

// stampKind is a byte of the encoding of LWWMap too: do not change the numbers.
type stampKind uint8

const (
	stampNone stampKind = iota
	stampValue
	stampDeleted
)

func (s *stamped[T]) some() bool { return s.kind != stampNone }

// compare is the total order of two that are not nothing.
func (s *stamped[T]) compare(o *stamped[T]) int {
	if s.time != o.time {
		return cmp.Compare(s.time, o.time)
	}
	return cmp.Or(cmp.Compare(s.id, o.id), cmp.Compare(s.kind, o.kind), cmp.Compare(s.value, o.value))
}

// raise makes s the later of the two and reports whether it changed. Nothing is before everything.
func (s *stamped[T]) raise(o *stamped[T]) bool {
	if !o.some() || s.some() && o.compare(s) <= 0 {
		return false
	}
	*s = *o
	return true
}

// lower makes s the earlier of the two and reports whether it changed. Nothing is after everything.
func (s *stamped[T]) lower(o *stamped[T]) bool {
	if !o.some() || s.some() && o.compare(s) >= 0 {
		return false
	}
	*s = *o
	return true
}

// The encoding of one that is not nothing, without its kind:
//
//	stamp   time | id | element?        no element: a deletion
//	time    the uvarint of its zigzag form
//	id      string

func (s *stamped[T]) append(b []byte) []byte {
	b = appendString(appendUvarint(b, zigzag(s.time)), s.id)
	if s.kind == stampValue {
		b = appendElement(b, s.value)
	}
	return b
}

// readStamped reads what append wrote. If there are few ids, likely points to the one to expect, and is kept up; equal ids then
// share memory. If each is another, it is nil.
func readStamped[T Ordered](r *reader, kind stampKind, likely *string) stamped[T] {
	s := stamped[T]{kind: kind, time: unzigzag(r.uvarint())}
	if id := r.bytes(); likely == nil {
		s.id = string(id)
	} else {
		if *likely != string(id) {
			*likely = unique.Make(string(id)).Value()
		}
		s.id = *likely
	}
	if kind == stampValue {
		s.value = readElement[T](r)
	}
	return s
}

// appendStamped encodes a register, which is a stamped value or nothing.
func appendStamped[T Ordered](b []byte, s *stamped[T]) []byte {
	b = append(b, version1)
	if s.some() {
		b = s.append(b)
	}
	return b
}

// decodeStamped is the inverse of appendStamped.
func decodeStamped[T Ordered](typ string, data []byte, likely *string) (s stamped[T], err error) {
	r := open(typ, data)
	if len(data) > 1 {
		s = readStamped[T](&r, stampValue, likely)
	}
	return s, r.close()
}

// timeName is how plans show a bound in time.
func timeName(relation string, t int64) string { return relation + " " + strconv.FormatInt(t, 10) }
