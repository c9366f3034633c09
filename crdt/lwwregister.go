package crdt

import (
	"encoding/json"
	"iter"
)

// LWWRegister is a value of which the last write wins (Shapiro et al., 2011): that with the largest time. Of writes at the same time the
// one whose writer has the larger name wins, compared as bytes. The zero LWWRegister was never written.
//
// T may be a string, which carries any bytes.
//
// Time comes from the caller, in any unit that all writers share: nanoseconds of a record's event time, a sequence number, a
// Lamport counter. It is never read from the machine. Know what it does: a write whose time is not
// beyond that of the current one is lost, silently and for ever. A writer with a slow clock loses its writes; a single write with a
// time far ahead makes everybody's writes lose until their clocks are there. If lost writes matter, use
// a register that keeps concurrent values; if the value is the outcome of a deterministic fold, use [Versioned].
//
// The law that its users keep: a writer uses a time once. If it does not, the larger value wins: still the same everywhere,
// but no longer what was written last.
//
// Class of reads: Value is not monotone, since a later write replaces it: read it after a seal. The time of the last write only
// rises: ask WrittenAfter.
//
// It is 48 bytes for a string and 40 for a number, besides the strings, and needs no other memory. Plain copies are
// independent. All operations are O(1), but for the comparison of strings.
type LWWRegister[T Ordered] struct {
	write stamped[T]
}

// Write writes v at a time in the name of a writer, and returns the delta: the write, or bottom if it lost to
// the current one.
func (l *LWWRegister[T]) Write(time int64, writer string, v T) (delta LWWRegister[T]) {
	delta.write = stamped[T]{value: v, id: writer, time: time, kind: stampValue}
	if !l.Merge(&delta) {
		return LWWRegister[T]{}
	}
	return delta
}

// Value returns the value of the last write known; ok is false if there is none.
//
// It is not monotone: a write with a later time replaces it, whenever that was made. Read it after a seal.
func (l *LWWRegister[T]) Value() (v T, ok bool) { return l.write.value, l.write.some() }

// Written returns time and writer of the last write known; ok is false if there is none. The time is a lower bound: ask
// WrittenAfter. The writer is not monotone.
func (l *LWWRegister[T]) Written() (time int64, writer string, ok bool) {
	return l.write.time, l.write.id, l.write.some()
}

// Merge takes the later write and reports whether that is the one of other.
func (l *LWWRegister[T]) Merge(other *LWWRegister[T]) (grew bool) { return l.write.raise(&other.write) }

// Decompose yields l itself, unless it is bottom: of two values one is below the other, so none comes apart.
func (l *LWWRegister[T]) Decompose() iter.Seq[LWWRegister[T]] { return onePart(*l, l.write.some()) }

// Delta returns l, or bottom if l is below since.
func (l *LWWRegister[T]) Delta(since *LWWRegister[T]) (delta LWWRegister[T]) {
	if Below(l, since) {
		return delta
	}
	return *l
}

// WrittenAfter holds once a register was written at a time after t. From then on every write at t or before is known to lose.
func WrittenAfter[T Ordered](t int64) UpSet[LWWRegister[T]] {
	return UpSet[LWWRegister[T]]{
		name:  timeName("written after", t),
		holds: func(l *LWWRegister[T]) bool { return l.write.some() && l.write.time > t },
	}
}

// MarshalJSON shows value, time and writer, or null if there was no write.
func (l LWWRegister[T]) MarshalJSON() ([]byte, error) {
	if !l.write.some() {
		return []byte("null"), nil
	}
	return json.Marshal(struct {
		Value  T      `json:"value"`
		Time   int64  `json:"time"`
		Writer string `json:"writer"`
	}{l.write.value, l.write.time, l.write.id})
}

// Encoding, version 1:
//
//	LWWRegister   version | stamp?     the last write, see stamped.go; its id is the writer; nothing: bottom

// AppendBinary appends the encoding of l to b. The error is always nil.
func (l *LWWRegister[T]) AppendBinary(b []byte) ([]byte, error) {
	return appendStamped(b, &l.write), nil
}

// UnmarshalBinary replaces l with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], l is as before.
func (l *LWWRegister[T]) UnmarshalBinary(data []byte) error {
	writer := l.write.id
	write, err := decodeStamped[T]("LWWRegister", data, &writer)
	if err != nil {
		return err
	}
	l.write = write
	return nil
}
