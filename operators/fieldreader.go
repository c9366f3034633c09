package operators

import (
	"encoding/binary"
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// fieldReader takes the encoding of a state apart. The first error sticks, and every later read returns zero values.
type fieldReader struct {
	typ  string // for errors
	data []byte // that is left
	err  error
}

func (r *fieldReader) fail() {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s: %d bytes before its end", crdt.ErrCorrupt, r.typ, len(r.data))
	}
	r.data = nil
}

func (r *fieldReader) version(known byte) {
	if v := r.byte(); r.err == nil && v != known {
		r.err = fmt.Errorf("%w: %s has version %d and this release reads version %d", crdt.ErrVersion, r.typ, v, known)
		r.data = nil
	}
}

func (r *fieldReader) byte() byte {
	if len(r.data) == 0 {
		r.fail()
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

func (r *fieldReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 || n > 1 && r.data[n-1] == 0 {
		r.fail()
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *fieldReader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// bytes returns what stands behind its length. It belongs to the input.
func (r *fieldReader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.data)) {
		r.fail()
		return nil
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

// copies reads what appendCopies wrote.
func (r *fieldReader) copies() (x copies) {
	x.time = r.varint()
	x.record = string(r.bytes())
	n := r.uvarint()
	if n == 0 || n > 1<<32-1 {
		r.fail()
	}
	x.n = uint32(n)
	return x
}
