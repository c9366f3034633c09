// Package wire reads and writes the parts of encodings that the packages below crdt have in common. They are those of package crdt
// itself, which imports nothing of ours and so has a reader of its own:
//
//	version    one byte: 1
//	uvarint    base 128, least significant group first, high bit set on all bytes but the last, in its shortest form
//	string     length (uvarint), then that many bytes
//
// Each type draws its own encoding. These are durable bytes: do not change them, add a version.
package wire

import (
	"encoding/binary"
	"fmt"
	"unique"

	"github.com/calmstream/calmstream/crdt"
)

// Version1 is the version byte of the encodings that begin with Open.
const Version1 = 1

// AppendString appends a string.
func AppendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Reader takes an encoding apart. The first error sticks, and every later read returns zero values.
type Reader struct {
	typ  string // for errors
	data []byte
	at   int
	err  error
}

// Open checks the version byte and returns a reader that stands behind it. Errors name the type.
func Open(typ string, data []byte) Reader {
	r := Reader{typ: typ, data: data}
	switch {
	case len(data) == 0:
		r.Corrupt("no version byte")
	case data[0] != Version1:
		r.err = fmt.Errorf("%w: %s has version %d and this release reads version %d", crdt.ErrVersion, typ, data[0], Version1)
	default:
		r.at = 1
	}
	return r
}

// Corrupt notes an error at the present place, unless there was one before.
func (r *Reader) Corrupt(why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s at byte %d of %d: %s", crdt.ErrCorrupt, r.typ, r.at, len(r.data), why)
	}
}

// OK reports that there was no error so far.
func (r *Reader) OK() bool { return r.err == nil }

// Uvarint reads a number.
func (r *Reader) Uvarint() uint64 {
	if r.err != nil {
		return 0
	}
	u, n := binary.Uvarint(r.data[r.at:])
	switch {
	case n <= 0:
		r.Corrupt("the number is cut off or exceeds 64 bits")
		return 0
	case n > 1 && r.data[r.at+n-1] == 0:
		r.Corrupt("the number is not in its shortest form")
		return 0
	}
	r.at += n
	return u
}

// Count reads how many items follow. It refuses more than could follow if each took least bytes, so that what
// a decoder allocates up front is bounded by the length of its input.
func (r *Reader) Count(least int) int {
	n := r.Uvarint()
	if n > uint64((len(r.data)-r.at)/least) {
		r.Corrupt("more items are announced than bytes are left")
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

// Take returns n bytes, which still belong to the input, or none after an error.
func (r *Reader) Take(n int) []byte {
	if n > len(r.data)-r.at {
		r.Corrupt("more bytes are announced than are left")
	}
	if r.err != nil {
		return nil
	}
	r.at += n
	return r.data[r.at-n : r.at]
}

// Origin reads the name of an origin. There are few, in many states, which would otherwise each keep a copy.
func (r *Reader) Origin() string { return unique.Make(string(r.Take(r.Count(1)))).Value() }

// Close returns the first error, which may be that there are bytes left.
func (r *Reader) Close() error {
	if r.at < len(r.data) {
		r.Corrupt("bytes are left over")
	}
	return r.err
}
