package crdt

import (
	"cmp"
	"encoding/json"
	"iter"
	"math"
	"strconv"
)

// Intervals is a set of instants, kept as disjoint intervals [start, end) of an int64, such as nanoseconds of event time. It
// merges by union: intervals that overlap or touch become one. The zero Intervals is empty.
//
// Sessions with a gap are such a union: each event at t contributes [t, t+gap), as in the session windows of Akidau et al., "The Dataflow
// Model" (VLDB 2015), whose merging of windows is here the merge of a lattice. See Session.
//
// The end of an interval is an int64, and does not belong to it: the instant math.MaxInt64 is in no set.
//
// Class of reads: what is covered, and for how long, only grows: [CoversInstant], [CoversInterval] and [LengthAtLeast] are UpSets. Around
// only grows to both sides. The number of intervals is not monotone, since two become one when the hole between
// them is filled. Neither is that a session has ended: a late event prolongs it. Read both after a seal.
//
// Intervals has no Decompose: the parts that cannot come apart further are single instants, of which a second has a
// billion. It has Delta, which is the least difference all the same.
//
// It takes 32 bytes, and no other memory as long as there is one interval; for each more 17 bytes if they come in order, 21 if
// not, measured with a million. An instant at the end is added in O(1), any other in O(log n). Use [Clone] to copy one.
type Intervals struct {
	// The last interval; start and end are 0 if there is none, as start is below end else.
	last span
	// The intervals before it; nil normally.
	before *tree[span]
	length uint64 // of all
}

// span is a non-empty interval. Two of a set do not overlap, so that their starts order them.
type span struct{ start, end int64 }

func (s span) compare(other span) int { return cmp.Compare(s.start, other.start) }

func (s span) length() uint64 { return uint64(s.end) - uint64(s.start) }

// IntervalsOf returns the set of the instants from start on and before end. It is empty if end is not above start.
func IntervalsOf(start, end int64) (x Intervals) {
	x.add(span{start, end})
	return x
}

// Add puts the instants from start on and before end into the set and returns the delta: all of these, or bottom if they
// were there. Amortised O(log n), O(1) if none of the set are later.
//
// The delta is not the least: that would have holes, take more bytes, and say less to who has missed others.
func (x *Intervals) Add(start, end int64) (delta Intervals) {
	if x.add(span{start, end}) {
		return IntervalsOf(start, end)
	}
	return delta
}

// Session adds an event at t to sessions that end when there was no event for gap: the interval [t, t+gap). A gap that is not above 0
// adds nothing; a session does not reach beyond math.MaxInt64.
func (x *Intervals) Session(t, gap int64) (delta Intervals) {
	switch {
	case gap <= 0:
		return delta
	case t > math.MaxInt64-gap:
		return x.Add(t, math.MaxInt64)
	default:
		return x.Add(t, t+gap)
	}
}

// add adds s and reports whether anything of it is new.
func (x *Intervals) add(s span) (grew bool) {
	was := x.length
	switch {
	case s.start >= s.end:
	case x.length == 0:
		x.last, x.length = s, s.length()
	case s.start > x.last.end:
		if x.before == nil {
			x.before = new(tree[span])
		}
		x.before.insert(x.last)
		x.last = s
		x.length += s.length()
	case s.end >= x.last.start:
		x.addToLast(s)
	default:
		x.addBefore(s)
	}
	return x.length != was
}

// addToLast adds an interval that overlaps or touches the last.
func (x *Intervals) addToLast(s span) {
	x.length -= x.last.length()
	x.last.end = max(x.last.end, s.end)
	x.last.start = min(x.last.start, s.start)
	for x.before != nil {
		at := x.before.last()
		if at == nil || at.end < x.last.start {
			break
		}
		x.length -= at.length()
		x.last.start = min(x.last.start, at.start)
		x.before.delete(*at)
	}
	x.length += x.last.length()
}

// addBefore adds an interval that ends before the last.
func (x *Intervals) addBefore(s span) {
	if x.before == nil {
		x.before = new(tree[span])
	}
	into := x.before.floor(s)
	if into != nil && into.end >= s.start {
		if into.end >= s.end {
			return
		}
		s.start = into.start
	}
	// All that begin in s, or touch its end, become part of it. The first may begin where s does.
	at := into
	if at == nil || at.start != s.start {
		at = x.before.after(s)
	}
	for at != nil && at.start <= s.end {
		x.length -= at.length()
		s.end = max(s.end, at.end)
		x.before.delete(*at)
		at = x.before.after(s)
	}
	x.before.insert(s)
	x.length += s.length()
}

// floor returns the last interval that begins at t or before; ok is false if there is none.
func (x *Intervals) floor(t int64) (s span, ok bool) {
	if x.length == 0 || t >= x.last.start {
		return x.last, x.length > 0
	}
	if x.before == nil {
		return s, false
	}
	at := x.before.floor(span{start: t})
	if at == nil {
		return s, false
	}
	return *at, true
}

// next returns the first interval that ends after t; ok is false if there is none.
func (x *Intervals) next(t int64) (s span, ok bool) {
	if s, ok = x.floor(t); ok && s.end > t {
		return s, true
	}
	if x.before != nil {
		if at := x.before.after(span{start: t}); at != nil {
			return *at, true
		}
	}
	return x.last, x.length > 0 && x.last.end > t
}

// missing calls yield with the parts of s that are not in the set, in ascending order.
func (x *Intervals) missing(s span, yield func(hole span)) {
	for s.start < s.end {
		at, ok := x.next(s.start)
		if !ok || at.start >= s.end {
			yield(s)
			return
		}
		if at.start > s.start {
			yield(span{s.start, at.start})
		}
		s.start = at.end
	}
}

// Around returns the interval that t is in: the session of an event. Ok is false if t is not known to be in the set. The interval
// can only grow, to both sides.
func (x *Intervals) Around(t int64) (start, end int64, ok bool) {
	if s, ok := x.floor(t); ok && s.end > t {
		return s.start, s.end, true
	}
	return 0, 0, false
}

// Length returns how many instants are known to be in the set. O(1).
func (x *Intervals) Length() uint64 { return x.length }

// Len returns the number of intervals. It is not monotone: intervals that touch become one. Read it after a seal.
func (x *Intervals) Len() int {
	n := 0
	if x.length > 0 {
		n = 1
	}
	if x.before != nil {
		n += x.before.n
	}
	return n
}

// All yields the start and the end of each interval, in ascending order. They are not monotone: intervals that touch become
// one. The set must not change meanwhile.
func (x *Intervals) All() iter.Seq2[int64, int64] {
	return func(yield func(start, end int64) bool) {
		for s := range x.spans {
			if !yield(s.start, s.end) {
				return
			}
		}
	}
}

func (x *Intervals) spans(yield func(span) bool) {
	if x.before != nil {
		for s := range x.before.all {
			if !yield(*s) {
				return
			}
		}
	}
	if x.length > 0 {
		yield(x.last)
	}
}

// CoversInstant holds once the instant t is in the set.
func CoversInstant(t int64) UpSet[Intervals] {
	return UpSet[Intervals]{
		name:  "covers " + strconv.FormatInt(t, 10),
		holds: func(x *Intervals) bool { _, _, ok := x.Around(t); return ok },
	}
}

// CoversInterval holds once all instants from start on and before end are in the set. If there are none, it holds always.
func CoversInterval(start, end int64) UpSet[Intervals] {
	return UpSet[Intervals]{
		name: "covers [" + strconv.FormatInt(start, 10) + ", " + strconv.FormatInt(end, 10) + ")",
		holds: func(x *Intervals) bool {
			_, until, ok := x.Around(start)
			return start >= end || ok && until >= end
		},
	}
}

// LengthAtLeast holds once there are n instants in the set: if they are nanoseconds, once it covers n of them. LengthAtLeast(0) holds always.
func LengthAtLeast(n uint64) UpSet[Intervals] {
	return UpSet[Intervals]{
		name:  "length >= " + strconv.FormatUint(n, 10),
		holds: func(x *Intervals) bool { return x.length >= n },
	}
}

// Merge adds the instants of other and reports whether any was new. O(m log n) for m intervals there and n here.
func (x *Intervals) Merge(other *Intervals) (grew bool) {
	for s := range other.spans {
		grew = x.add(s) || grew
	}
	return grew
}

// Delta returns the instants that since lacks: the least value that, merged into since, brings it above x.
// O(d log m) for d intervals here and holes that they find there, among m.
func (x *Intervals) Delta(since *Intervals) (delta Intervals) {
	for s := range x.spans {
		since.missing(s, func(hole span) { delta.add(hole) })
	}
	return delta
}

// MarshalJSON shows the intervals as pairs of a start and an end, in ascending order.
func (x Intervals) MarshalJSON() ([]byte, error) {
	shown := make([][2]int64, 0, x.Len())
	for start, end := range x.All() {
		shown = append(shown, [2]int64{start, end})
	}
	return json.Marshal(shown)
}

// Encoding, version 1:
//
//	Intervals   version | n                                                 n is 0: empty
//	            version | n | start | length | (hole | length) * (n-1)      in ascending order
//	start       the uvarint of its zigzag form
//	length      uvarint above 0: of the interval
//	hole        uvarint above 0: from the end of an interval to the start of the next

// AppendBinary appends the encoding of x to b. The error is always nil.
func (x *Intervals) AppendBinary(b []byte) ([]byte, error) {
	b = appendUvarint(append(b, version1), uint64(x.Len()))
	first, end := true, int64(0)
	for s := range x.spans {
		if first {
			b = appendUvarint(b, zigzag(s.start))
		} else {
			b = appendUvarint(b, span{end, s.start}.length())
		}
		b = appendUvarint(b, s.length())
		first, end = false, s.end
	}
	return b, nil
}

// UnmarshalBinary replaces x with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], x is as before.
func (x *Intervals) UnmarshalBinary(data []byte) error {
	r := open("Intervals", data)
	var d Intervals
	end := int64(0)
	after := func() int64 { // what lies a non-zero number behind end
		n := r.uvarint()
		if n == 0 {
			r.corrupt("a length or a hole is 0")
		} else if n > uint64(math.MaxInt64)-uint64(end) { // in the range, the difference does not wrap
			r.corrupt("an interval exceeds 64 bits")
		}
		return end + int64(n)
	}
	for left := r.count(2); left > 0 && r.err == nil; left-- {
		if d.length == 0 {
			end = unzigzag(r.uvarint())
		} else {
			end = after()
		}
		start := end
		end = after()
		if r.err == nil {
			d.add(span{start, end})
		}
	}
	if err := r.close(); err != nil {
		return err
	}
	*x = d
	return nil
}
