package crdt

import (
	"encoding/binary"
	"fmt"
)

// The encodings, version 1. Equal values have equal bytes, and each value has exactly one encoding: decoders
// refuse everything else. These are durable bytes: do not change them, add a version.
//
//	Max, Min   version | element?                      no element: bottom
//	GSet       version | n | element * n               elements strictly ascending
//	GCounter   version | n | (string | count) * n      origins strictly ascending, count > 0
//	Map        version | n | (element | value) * n     keys strictly ascending, no bottom values
//
//	version    one byte: 1
//	n, count   uvarint
//	element    of a string type: string; of an unsigned type: uvarint; of a signed type: the uvarint of its
//	           zigzag form (0, -1, 1, -2, 2 … become 0, 1, 2, 3, 4 …)
//	string     length (uvarint), then that many bytes
//	value      length (uvarint), then that many bytes: the encoding of the value's own lattice
//	uvarint    base 128, least significant group first, high bit set on all bytes but the last (as in
//	           encoding/binary and protobuf), in its shortest form
//
// Nothing says which type or which element type was written: that is for whoever stores the bytes.
const version1 = 1

func zigzag(i int64) uint64   { return uint64(i)<<1 ^ uint64(i>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

func appendUvarint(b []byte, u uint64) []byte { return binary.AppendUvarint(b, u) }

func appendString(b []byte, s string) []byte {
	return append(appendUvarint(b, uint64(len(s))), s...)
}

// reader takes an encoding apart. The first error sticks, and every later read returns zero values,
// so that decoders check once where it matters: before they loop, and at the end.
type reader struct {
	typ  string // for errors
	data []byte
	at   int
	err  error
}

// open checks the version byte and returns a reader that stands behind it.
func open(typ string, data []byte) reader {
	r := reader{typ: typ, data: data}
	switch {
	case len(data) == 0:
		r.corrupt("no version byte")
	case data[0] != version1:
		r.err = fmt.Errorf("%w: %s has version %d and this release reads version %d", ErrVersion, typ, data[0], version1)
	default:
		r.at = 1
	}
	return r
}

func (r *reader) corrupt(why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s at byte %d of %d: %s", ErrCorrupt, r.typ, r.at, len(r.data), why)
	}
}

func (r *reader) uvarint() uint64 {
	if r.err != nil {
		return 0
	}
	u, n := binary.Uvarint(r.data[r.at:])
	switch {
	case n <= 0:
		r.corrupt("the number is cut off or exceeds 64 bits")
		return 0
	case n > 1 && r.data[r.at+n-1] == 0:
		r.corrupt("the number is not in its shortest form")
		return 0
	}
	r.at += n
	return u
}

// count reads how many items follow. It refuses more than could follow if each took least bytes, so that what
// a decoder allocates up front is bounded by the length of its input.
func (r *reader) count(least int) int {
	n := r.uvarint()
	if n > uint64((len(r.data)-r.at)/least) {
		r.corrupt("more items are announced than bytes are left")
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

// bytes reads a length and returns that many bytes, which still belong to the input.
func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.data)-r.at) {
		r.corrupt("more bytes are announced than are left")
		return nil
	}
	return r.take(int(n))
}

// take returns n bytes, which still belong to the input.
func (r *reader) take(n int) []byte {
	if n > len(r.data)-r.at {
		r.corrupt("bytes are missing")
	}
	if r.err != nil {
		return nil
	}
	r.at += n
	return r.data[r.at-n : r.at]
}

// close returns the first error, which may be that there are bytes left.
func (r *reader) close() error {
	if r.at < len(r.data) {
		r.corrupt("bytes are left over")
	}
	return r.err
}
