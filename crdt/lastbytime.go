package crdt

import (
	"encoding/json"
	"iter"
)

// LastByTime is the value of the last event, that with the largest event time: "the latest reading of each sensor". It is the
// arg-max of the time. Of events at the same time the one with the larger id wins, compared as bytes; of those with the same
// id too, the one with the larger value. The zero LastByTime has seen none.
//
// T may be a string, which carries any bytes, such as the encoded event.
//
// The time is that of the event, in any unit that all events share. The id names the event, the same wherever and however often it is
// processed: a key of the source, or the position in its log. Ids compare as bytes: pad numbers, or order "10" before "9". The law that
// its users keep: time, id and value are functions of the event.
//
// Class of reads: Value is not monotone, since a later event, or one of the same time, replaces it; events come out of order. Read it
// after the window is sealed. The time of the last event only rises: ask SeenAfter.
//
// Size and cost are those of an [LWWRegister], which is the same lattice with another meaning: there a writer decides what is
// last, here the data do.
type LastByTime[T Ordered] struct {
	last stamped[T]
}

// Add observes the value of an event and returns the delta: the event, or bottom if it changed nothing.
func (l *LastByTime[T]) Add(time int64, id string, v T) (delta LastByTime[T]) {
	delta.last = stamped[T]{value: v, id: id, time: time, kind: stampValue}
	if !l.Merge(&delta) {
		return LastByTime[T]{}
	}
	return delta
}

// Value returns the value of the last event known; ok is false if there is none.
//
// It is not monotone: a later event replaces it. Read it after a seal.
func (l *LastByTime[T]) Value() (v T, ok bool) { return l.last.value, l.last.some() }

// Seen returns time and id of the last event known; ok is false if there is none. The time is a lower bound: ask SeenAfter. The
// id is not monotone.
func (l *LastByTime[T]) Seen() (time int64, id string, ok bool) {
	return l.last.time, l.last.id, l.last.some()
}

// Merge takes the later event and reports whether that is the one of other.
func (l *LastByTime[T]) Merge(other *LastByTime[T]) (grew bool) { return l.last.raise(&other.last) }

// Decompose yields l itself, unless it is bottom: of two values one is below the other, so none comes apart.
func (l *LastByTime[T]) Decompose() iter.Seq[LastByTime[T]] { return onePart(*l, l.last.some()) }

// Delta returns l, or bottom if l is below since.
func (l *LastByTime[T]) Delta(since *LastByTime[T]) (delta LastByTime[T]) {
	if Below(l, since) {
		return delta
	}
	return *l
}

// SeenAfter holds once an event with a time after t was seen. From then on the last event is none of those up to t.
func SeenAfter[T Ordered](t int64) UpSet[LastByTime[T]] {
	return UpSet[LastByTime[T]]{
		name:  timeName("seen after", t),
		holds: func(l *LastByTime[T]) bool { return l.last.some() && l.last.time > t },
	}
}

// MarshalJSON shows value, time and id, or null if no event was seen.
func (l LastByTime[T]) MarshalJSON() ([]byte, error) { return marshalEvent(&l.last) }

// marshalEvent is the JSON of a LastByTime and of a FirstByTime.
func marshalEvent[T Ordered](s *stamped[T]) ([]byte, error) {
	if !s.some() {
		return []byte("null"), nil
	}
	return json.Marshal(struct {
		Value T      `json:"value"`
		Time  int64  `json:"time"`
		ID    string `json:"id"`
	}{s.value, s.time, s.id})
}

// Encoding, version 1:
//
//	LastByTime    version | stamp?     the last event, see stamped.go; nothing: bottom

// AppendBinary appends the encoding of l to b. The error is always nil.
func (l *LastByTime[T]) AppendBinary(b []byte) ([]byte, error) { return appendStamped(b, &l.last), nil }

// UnmarshalBinary replaces l with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], l is as before.
func (l *LastByTime[T]) UnmarshalBinary(data []byte) error {
	last, err := decodeStamped[T]("LastByTime", data, nil)
	if err != nil {
		return err
	}
	l.last = last
	return nil
}
