package crdt

import (
	"encoding/json"
	"strconv"
)

// Point is a value that is assigned once: an IVar (the Point and Conflict of Hydro's lattices). Below is "not assigned",
// then come the values, none below another, and above them all is one conflict. Different values merge to the
// conflict, so that a second assignment is reported and never wins or loses silently.
//
// T may be a string, which carries any bytes: a digest, a manifest, an encoded message.
//
// The law that its users keep: all who assign the same Point assign the same value. A Point is for what is decided once, such as
// the length of an input, the owner of a name or the outcome of a deterministic step; a value that changes needs an
// [LWWRegister], a [Versioned] or a [Lex].
//
// Class of reads: Value is not monotone, because the conflict takes the value away. It is final as long as the
// rule is kept, which is why Settled is true from the first assignment on. IsSet, Is and IsConflict are monotone.
//
// A Point has no Decompose: any two values merge to the conflict, so that there is no least delta that brings a copy there.
//
// A Point is one T and one byte, padded, and needs no other memory. Plain copies are independent. All operations are O(1), but for the
// comparison of strings.
type Point[T Ordered] struct {
	v     T // zero unless assigned
	state pointState
}

// pointState is the second byte of the encoding too: do not change the numbers.
type pointState uint8

const (
	pointUnset pointState = iota
	pointSet
	pointConflict
)

// PointOf returns a Point to which v was assigned.
func PointOf[T Ordered](v T) Point[T] { return Point[T]{v: v, state: pointSet} }

// Assign assigns v and returns the delta: v alone, or bottom if v was assigned before or the conflict is reached
// already. Another value than the one assigned makes p the conflict: see Conflict.
func (p *Point[T]) Assign(v T) (delta Point[T]) {
	delta = PointOf(v)
	if !p.Merge(&delta) {
		return Point[T]{}
	}
	return delta
}

// Value returns the value assigned; ok is false if there is none yet, and at the conflict.
//
// It is not monotone only in that a broken rule takes it away. Ask Is or IsSet, or look at Conflict after the input is sealed.
func (p *Point[T]) Value() (v T, ok bool) { return p.v, p.state == pointSet }

// Conflict reports that different values were assigned: a rule is broken, and which value was meant is not known. True is
// final. False means only that none is known yet.
func (p *Point[T]) Conflict() bool { return p.state == pointConflict }

// Settled reports that a value was assigned: it can only change to the conflict, which reports a broken rule.
func (p *Point[T]) Settled() bool { return p.state != pointUnset }

// Merge assigns the value of other, if it has one, and reports whether p changed. Different values merge to the conflict.
func (p *Point[T]) Merge(other *Point[T]) (grew bool) {
	switch {
	case other.state == pointUnset || p.state == pointConflict || *other == *p:
		return false
	case p.state == pointUnset:
		*p = *other
	default:
		*p = Point[T]{state: pointConflict}
	}
	return true
}

// IsSet holds once a value was assigned, and at the conflict, where there were several.
func IsSet[T Ordered]() UpSet[Point[T]] {
	return UpSet[Point[T]]{name: "is set", holds: (*Point[T]).Settled}
}

// Is holds once v was assigned. It holds at the conflict too, whatever the values were: the conflict is above every value, and a
// yes is final. So the answer is worth as much as the rule of single assignment; IsConflict tells whether that was broken.
func Is[T Ordered](v T) UpSet[Point[T]] {
	want := PointOf(v)
	return UpSet[Point[T]]{
		name:  "is " + elementName(v),
		holds: func(p *Point[T]) bool { return p.state == pointConflict || *p == want },
	}
}

// IsConflict holds once different values were assigned. It is for alarms.
func IsConflict[T Ordered]() UpSet[Point[T]] {
	return UpSet[Point[T]]{name: "is a conflict", holds: (*Point[T]).Conflict}
}

// MarshalJSON shows the value; null if there is none, and {"conflict":true} at the conflict.
func (p Point[T]) MarshalJSON() ([]byte, error) {
	switch p.state {
	case pointSet:
		return json.Marshal(p.v)
	case pointConflict:
		return []byte(`{"conflict":true}`), nil
	default:
		return []byte("null"), nil
	}
}

// Encoding, version 1:
//
//	Point   version | state?            no state: bottom
//	state   1 | element                 a value
//	        2                           the conflict

// AppendBinary appends the encoding of p to b. The error is always nil.
func (p *Point[T]) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, version1)
	if p.state == pointUnset {
		return b, nil
	}
	return appendPoint(b, p), nil
}

// UnmarshalBinary replaces p with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], p is as before.
func (p *Point[T]) UnmarshalBinary(data []byte) error {
	r := open("Point", data)
	var q Point[T]
	if len(data) > 1 {
		q = readPoint[T](&r)
	}
	if err := r.close(); err != nil {
		return err
	}
	*p = q
	return nil
}

// appendPoint encodes a Point that is above the bottom.
func appendPoint[T Ordered](b []byte, p *Point[T]) []byte {
	b = append(b, byte(p.state))
	if p.state == pointSet {
		b = appendElement(b, p.v)
	}
	return b
}

func readPoint[T Ordered](r *reader) Point[T] {
	switch state := r.uvarint(); {
	case r.err != nil:
	case state == uint64(pointSet):
		return PointOf(readElement[T](r))
	case state == uint64(pointConflict):
		return Point[T]{state: pointConflict}
	default:
		r.corrupt("no state has the number " + strconv.FormatUint(state, 10))
	}
	return Point[T]{}
}
