package exact

import (
	"encoding/binary"
	"fmt"
	"unique"

	"github.com/calmstream/calmstream/crdt"
)

// The parts of encodings are those of package crdt:
//
//	version    one byte: 1
//	uvarint    base 128, least significant group first, high bit set on all bytes but the last, in its shortest form
//	string     length (uvarint), then that many bytes
//	wide       128 bits: uvarint of the upper half, then uvarint of the lower half
//
// Each type draws its own encoding. These are durable bytes: do not change them, add a version.
const version1 = 1

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// reader takes an encoding apart, as the one in package crdt does. The first error sticks, and every later read returns
// zero values.
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
		r.err = fmt.Errorf("%w: %s has version %d and this release reads version %d", crdt.ErrVersion, typ, data[0], version1)
	default:
		r.at = 1
	}
	return r
}

func (r *reader) corrupt(why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s at byte %d of %d: %s", crdt.ErrCorrupt, r.typ, r.at, len(r.data), why)
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

// take returns n bytes, which still belong to the input, or none after an error.
func (r *reader) take(n int) []byte {
	if n > len(r.data)-r.at {
		r.corrupt("more bytes are announced than are left")
	}
	if r.err != nil {
		return nil
	}
	r.at += n
	return r.data[r.at-n : r.at]
}

// origin reads the name of an origin. There are few and many sums, which would otherwise each keep a copy.
func (r *reader) origin() string { return unique.Make(string(r.take(r.count(1)))).Value() }

// close returns the first error, which may be that there are bytes left.
func (r *reader) close() error {
	if r.at < len(r.data) {
		r.corrupt("bytes are left over")
	}
	return r.err
}
