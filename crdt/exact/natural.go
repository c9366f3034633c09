package exact

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"
	"slices"

	"github.com/calmstream/calmstream/crdt/internal/wire"
)

// Every finite float64 is a whole number of units of 2^-1074, below 2^(1024+1074). 2^64 of them stay below 2^2162: 34 limbs.
const (
	unitExponent = -1074
	maxLimbs     = 34
)

// natural is a number of those units, in limbs of 64 bits, the lowest first. Only the limbs from low on are kept: terms of
// similar size need two or three.
type natural struct {
	limbs []uint64
	low   int
}

// split returns the magnitude of a finite f as m units shifted left by p.
func split(f float64) (m uint64, p int) {
	b := math.Float64bits(f)
	m, e := b&(1<<52-1), int(b>>52&(1<<11-1))
	if e == 0 {
		return m, 0 // subnormal
	}
	return m | 1<<52, e - 1
}

// add adds m << p.
func (x *natural) add(m uint64, p int) {
	if m == 0 {
		return
	}
	at, shift := p/64, p%64
	lo, hi := m<<shift, m>>(64-shift)
	last := at
	if hi != 0 {
		last++
	}
	x.cover(at, last)
	i := at - x.low
	var carry uint64
	x.limbs[i], carry = bits.Add64(x.limbs[i], lo, 0)
	if hi != 0 || carry != 0 {
		x.carry(i+1, hi, carry)
	}
}

// carry adds to limb i and, as far as it goes, to those above.
func (x *natural) carry(i int, v, carry uint64) {
	for v != 0 || carry != 0 {
		if i == len(x.limbs) {
			x.limbs = append(x.limbs, 0)
		}
		x.limbs[i], carry = bits.Add64(x.limbs[i], v, carry)
		v = 0
		i++
	}
}

// cover makes room for the limbs from one to another, both included.
func (x *natural) cover(from, to int) {
	if len(x.limbs) == 0 {
		x.low = from
	}
	if from < x.low {
		x.limbs = slices.Insert(x.limbs, 0, make([]uint64, x.low-from)...)
		x.low = from
	}
	for x.low+len(x.limbs) <= to {
		x.limbs = append(x.limbs, 0)
	}
}

func (x *natural) addAll(y *natural) {
	y = &natural{y.trimmed(), y.lowest()}
	if len(y.limbs) == 0 {
		return
	}
	x.cover(y.low, y.low+len(y.limbs)-1)
	at := y.low - x.low
	var carry uint64
	for i, v := range y.limbs {
		x.limbs[at+i], carry = bits.Add64(x.limbs[at+i], v, carry)
	}
	x.carry(at+len(y.limbs), 0, carry)
}

// lowest is the index of the lowest limb that is not 0, or 0 if all are.
func (x *natural) lowest() int {
	for i, v := range x.limbs {
		if v != 0 {
			return x.low + i
		}
	}
	return 0
}

// trimmed returns the limbs without the zeros at both ends.
func (x *natural) trimmed() []uint64 {
	limbs := x.limbs
	for len(limbs) > 0 && limbs[0] == 0 {
		limbs = limbs[1:]
	}
	for len(limbs) > 0 && limbs[len(limbs)-1] == 0 {
		limbs = limbs[:len(limbs)-1]
	}
	return limbs
}

// above reports whether x is larger than y.
func (x *natural) above(y *natural) bool {
	for i := max(x.low+len(x.limbs), y.low+len(y.limbs)) - 1; i >= min(x.low, y.low); i-- {
		if a, b := x.limb(i), y.limb(i); a != b {
			return a > b
		}
	}
	return false
}

func (x *natural) limb(i int) uint64 {
	if i < x.low || i >= x.low+len(x.limbs) {
		return 0
	}
	return x.limbs[i-x.low]
}

// raise makes x the larger of the two and reports whether it grew.
func (x *natural) raise(y *natural) bool {
	if !y.above(x) {
		return false
	}
	*x = y.clone()
	return true
}

func (x *natural) clone() natural { return natural{slices.Clone(x.limbs), x.low} }

// big returns the number of units.
func (x *natural) big() *big.Int {
	b := make([]byte, 0, 8*len(x.limbs))
	for _, v := range slices.Backward(x.limbs) {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	v := new(big.Int).SetBytes(b)
	return v.Lsh(v, uint(64*x.low))
}

// The encoding of a natural: n | (low | limb * n)?, the limbs from the lowest that is not 0 to the highest, 8 bytes each, big endian;
// n and low are uvarints, and nothing follows n = 0.
func (x *natural) appendTo(b []byte) []byte {
	limbs := x.trimmed()
	b = binary.AppendUvarint(b, uint64(len(limbs)))
	if len(limbs) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(x.lowest()))
	for _, v := range limbs {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

func (x *natural) read(r *wire.Reader) {
	n := r.Count(8)
	if n == 0 {
		return
	}
	low := r.Uvarint()
	if n > maxLimbs || low > uint64(maxLimbs-n) {
		r.Corrupt("a sum exceeds that of all numbers there are")
		return
	}
	data := r.Take(8 * n)
	x.low = int(low)
	for ; len(data) > 0; data = data[8:] {
		x.limbs = append(x.limbs, binary.BigEndian.Uint64(data))
	}
	if r.OK() && (x.limbs[0] == 0 || x.limbs[n-1] == 0) {
		r.Corrupt("a sum is not in its shortest form")
	}
}
