package exact

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"

	"github.com/calmstream/calmstream/crdt/internal/wire"
)

// wide is an unsigned number of 128 bits. It saturates, so that addition stays associative, commutative and monotone.
type wide struct{ hi, lo uint64 }

var widest = wide{math.MaxUint64, math.MaxUint64}

func (w wide) compare(o wide) int { return cmp.Or(cmp.Compare(w.hi, o.hi), cmp.Compare(w.lo, o.lo)) }

func (w wide) plus(o wide) wide {
	lo, carry := bits.Add64(w.lo, o.lo, 0)
	hi, over := bits.Add64(w.hi, o.hi, carry)
	if over != 0 {
		return widest
	}
	return wide{hi, lo}
}

// raise makes w the larger of the two and reports whether it grew.
func (w *wide) raise(o wide) bool {
	if o.compare(*w) <= 0 {
		return false
	}
	*w = o
	return true
}

func (w wide) big() *big.Int {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], w.hi)
	binary.BigEndian.PutUint64(b[8:], w.lo)
	return new(big.Int).SetBytes(b[:])
}

// append appends 128 bits: the uvarint of the upper half, then that of the lower half. These are durable bytes.
func (w wide) append(b []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, w.hi), w.lo)
}

func readWide(r *wire.Reader) (w wide) {
	w.hi = r.Uvarint()
	w.lo = r.Uvarint()
	return w
}

// saturatingAdd is a+b, or the largest uint64 where that would wrap.
func saturatingAdd(a, b uint64) uint64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxUint64
}
