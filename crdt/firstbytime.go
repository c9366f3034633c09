package crdt

import "iter"

// FirstByTime is the value of the first event, that with the smallest event time: "how each session began". It is the dual of
// [LastByTime], in whose order smaller is above: of events at the same time the one with the smaller id wins, compared
// as bytes; of those with the same id too, the one with the smaller value. The zero FirstByTime has seen none.
//
// T may be a string, which carries any bytes. Times, ids and their law are as in LastByTime.
//
// Class of reads: Value is not monotone, since an earlier event may still come. Read it after the window is sealed. The time of the
// first event only falls: ask SeenBefore.
//
// Size and cost are those of an [LWWRegister].
type FirstByTime[T Ordered] struct {
	first stamped[T]
}

// Add observes the value of an event and returns the delta: the event, or bottom if it changed nothing.
func (f *FirstByTime[T]) Add(time int64, id string, v T) (delta FirstByTime[T]) {
	delta.first = stamped[T]{value: v, id: id, time: time, kind: stampValue}
	if !f.Merge(&delta) {
		return FirstByTime[T]{}
	}
	return delta
}

// Value returns the value of the first event known; ok is false if there is none.
//
// It is not monotone: an earlier event replaces it. Read it after a seal.
func (f *FirstByTime[T]) Value() (v T, ok bool) { return f.first.value, f.first.some() }

// Seen returns time and id of the first event known; ok is false if there is none. The time is an upper bound of the
// final one: ask SeenBefore. The id is not monotone.
func (f *FirstByTime[T]) Seen() (time int64, id string, ok bool) {
	return f.first.time, f.first.id, f.first.some()
}

// Merge takes the earlier event and reports whether that is the one of other.
func (f *FirstByTime[T]) Merge(other *FirstByTime[T]) (grew bool) { return f.first.lower(&other.first) }

// Decompose yields f itself, unless it is bottom: of two values one is below the other, so none comes apart.
func (f *FirstByTime[T]) Decompose() iter.Seq[FirstByTime[T]] { return onePart(*f, f.first.some()) }

// Delta returns f, or bottom if f is below since.
func (f *FirstByTime[T]) Delta(since *FirstByTime[T]) (delta FirstByTime[T]) {
	if Below(f, since) {
		return delta
	}
	return *f
}

// SeenBefore holds once an event with a time before t was seen. From then on the first event is none of those from t on.
func SeenBefore[T Ordered](t int64) UpSet[FirstByTime[T]] {
	return UpSet[FirstByTime[T]]{
		name:  timeName("seen before", t),
		holds: func(f *FirstByTime[T]) bool { return f.first.some() && f.first.time < t },
	}
}

// MarshalJSON shows value, time and id, or null if no event was seen.
func (f FirstByTime[T]) MarshalJSON() ([]byte, error) { return marshalEvent(&f.first) }

// Encoding, version 1:
//
//	FirstByTime   version | stamp?     the first event, see stamped.go; nothing: bottom

// AppendBinary appends the encoding of f to b. The error is always nil.
func (f *FirstByTime[T]) AppendBinary(b []byte) ([]byte, error) {
	return appendStamped(b, &f.first), nil
}

// UnmarshalBinary replaces f with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], f is as before.
func (f *FirstByTime[T]) UnmarshalBinary(data []byte) error {
	first, err := decodeStamped[T]("FirstByTime", data, nil)
	if err != nil {
		return err
	}
	f.first = first
	return nil
}
