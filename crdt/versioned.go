package crdt

import (
	"encoding/json"
	"strconv"
)

// Versioned is the newest state of a deterministic fold: the chain of pairs of a version and the state there. The larger version wins. The
// zero Versioned has none.
//
// That makes a lattice of any fold, also of one whose state is none (a median, a machine, a signed sum): the state at n is a
// function of the first n inputs, so that whoever has version n has the same state, and the larger n knows more. It is
// how checkpoints of overlapping owners merge.
//
// T is the state, or its digest. It may be a string, which carries any bytes, such as an encoding; equal states must have
// equal bytes.
//
// The law that its users keep: one version, one state. A chain belongs to one fold over one log: other code, or a log that was
// recreated, begins another chain, never a larger version of this one. When two states of one version meet, the
// fold is not deterministic. The merge is then neither of them, but a conflict at that version, which Diverged reports.
//
// A larger version replaces a conflict, too. It must: were the conflict to stay, the outcome would depend on whether two
// copies met before or after the larger version came. So look at Diverged after each merge, and do not take its silence for a
// proof: copies that never meet at one version are never compared.
//
// Class of reads: the version only rises: ask VersionAtLeast. Value is not monotone, since it is ordered by version and not by what
// it says: read it after a seal. What ValueAt returns is final, since the state of a version never changes; that it returns
// nothing says nothing.
//
// It is 32 bytes for a string and 24 for a number, besides the string, and needs no other memory. Plain copies are independent.
// All operations are O(1), but for the comparison of strings. It has no Decompose, for the same reason as [Point].
type Versioned[T Ordered] struct {
	state Point[T] // of version n; unset: no version
	n     uint64
}

// Advance adds the state x of version n and returns the delta: that pair, or bottom if it changed nothing, because n is
// below the version known or x is known to be its state. Another x at the version known is a conflict: see Diverged.
func (v *Versioned[T]) Advance(n uint64, x T) Versioned[T] {
	delta := Versioned[T]{state: PointOf(x), n: n}
	if !v.Merge(&delta) {
		return Versioned[T]{}
	}
	return delta
}

// Version returns the largest version known; ok is false if there is none. It is a lower bound: ask VersionAtLeast.
func (v *Versioned[T]) Version() (n uint64, ok bool) { return v.n, v.state.Settled() }

// Value returns the state at the largest version known; ok is false if there is none, and at a conflict.
//
// It is not monotone: a larger version replaces it. Read it after a seal, or with its version.
func (v *Versioned[T]) Value() (x T, ok bool) { return v.state.Value() }

// ValueAt returns the state at version n; ok is false if n is not the version that this copy has, and at a conflict. As long
// as the fold is deterministic all copies that return a state for n return the same one, at any time.
func (v *Versioned[T]) ValueAt(n uint64) (x T, ok bool) {
	if v.n != n {
		return x, false
	}
	return v.Value()
}

// Diverged reports that different states of the largest version known have met: the fold is not deterministic. It is not called
// Conflict as that of a [Point], which stays: a larger version takes this one away. So true is not final, but it is an alarm.
func (v *Versioned[T]) Diverged() bool { return v.state.Conflict() }

// Merge takes the pair with the larger version and reports whether v changed. Different states of one version
// merge to a conflict. It is the [Lex] of the version and a Point.
func (v *Versioned[T]) Merge(other *Versioned[T]) (grew bool) {
	switch {
	case other.state.state == pointUnset || other.n < v.n:
		return false
	case other.n == v.n:
		return v.state.Merge(&other.state)
	default:
		*v = *other
		return true
	}
}

// VersionAtLeast holds once the state at version n or a larger one is known.
func VersionAtLeast[T Ordered](n uint64) UpSet[Versioned[T]] {
	return UpSet[Versioned[T]]{
		name:  "version >= " + strconv.FormatUint(n, 10),
		holds: func(v *Versioned[T]) bool { return v.state.Settled() && v.n >= n },
	}
}

// MarshalJSON shows version and value, {"conflict":true} for a value at a conflict, or null if there is no version.
func (v Versioned[T]) MarshalJSON() ([]byte, error) {
	if !v.state.Settled() {
		return []byte("null"), nil
	}
	return json.Marshal(struct {
		Version uint64   `json:"version"`
		Value   Point[T] `json:"value"`
	}{v.n, v.state})
}

// Encoding, version 1:
//
//	Versioned   version | (n | state)?     n: uvarint; state: see Point; nothing: bottom

// AppendBinary appends the encoding of v to b. The error is always nil.
func (v *Versioned[T]) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, version1)
	if !v.state.Settled() {
		return b, nil
	}
	return appendPoint(appendUvarint(b, v.n), &v.state), nil
}

// UnmarshalBinary replaces v with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], v is as before.
func (v *Versioned[T]) UnmarshalBinary(data []byte) error {
	r := open("Versioned", data)
	var w Versioned[T]
	if len(data) > 1 {
		w.n, w.state = r.uvarint(), readPoint[T](&r)
	}
	if err := r.close(); err != nil {
		return err
	}
	*v = w
	return nil
}
