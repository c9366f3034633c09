package checkpoint

import (
	"encoding/binary"
	"math"
)

// decoder reads a buffer from the front. The first malformed field makes it bad for good; every later read returns
// a zero, so that the caller asks once, at the end.
type decoder struct {
	rest []byte
	bad  bool
}

// fail marks the input as malformed and drops it, so that nothing more is read.
func (d *decoder) fail() {
	d.rest, d.bad = nil, true
}

// take returns the next n bytes; they alias the input.
func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.fail()
		return nil
	}
	v := d.rest[:n:n]
	d.rest = d.rest[n:]
	return v
}

// uvarint reads a number and refuses an encoding that is longer than needed: one value, one encoding.
func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || n > 1 && d.rest[n-1] == 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) varint() int64 {
	v := d.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// upTo reads a number that must not be greater than limit.
func (d *decoder) upTo(limit uint64) uint64 {
	v := d.uvarint()
	if v > limit {
		d.fail()
		return 0
	}
	return v
}

// count reads the number of items that follow, each of at least size bytes: more than the input can hold is refused
// before memory is taken for them.
func (d *decoder) count(size int) int {
	v := d.uvarint()
	if v > uint64(len(d.rest)/size) {
		d.fail()
		return 0
	}
	return int(v)
}

func (d *decoder) bytes() []byte {
	return d.take(d.uvarint())
}

func (d *decoder) flag() bool {
	v := d.take(1)
	if len(v) == 0 || v[0] > flagSet {
		d.fail()
		return false
	}
	return v[0] == flagSet
}

func (d *decoder) fixed64() uint64 {
	v := d.take(8)
	if len(v) < 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(v)
}

func (d *decoder) ref() SegmentRef {
	return SegmentRef{
		ID:     string(d.bytes()),
		Chunks: int(d.upTo(maxChunks)),
		Bytes:  int64(d.upTo(math.MaxInt64)),
		Digest: d.fixed64(),
		Base:   d.flag(),
	}
}
