package sketch

import (
	"math"
	"math/bits"
	"slices"

	"github.com/calmstream/calmstream/crdt/internal/wire"
)

const (
	precision = 14             // bits of a hash that choose its register
	size      = 1 << precision // registers
	maxRank   = 64 - precision + 1
)

// registers are those of a HyperLogLog: for each value of the first 14 bits of a hash the largest rank of the
// other 50, which is one more than the number of zeros that they begin with. They merge by maximum.
type registers struct {
	rank [size]uint8
	// count says how many registers have each rank, so that an estimate need not look at all of them.
	count [maxRank + 1]uint16
}

func (*registers) limit() int { return maxListed }

func (r *registers) reset() {
	*r = registers{}
	r.count[0] = size
}

func (r *registers) add(h uint64) (grew bool) {
	rest := h<<precision | 1<<(precision-1) // ends in a one, for a rest of zeros
	return r.raise(int(h>>(64-precision)), uint8(bits.LeadingZeros64(rest)+1))
}

func (r *registers) raise(i int, rank uint8) bool {
	old := r.rank[i]
	if rank <= old {
		return false
	}
	r.rank[i] = rank
	r.count[old]--
	r.count[rank]++
	return true
}

func (r *registers) merge(other *registers) (grew bool) {
	for i, rank := range other.rank {
		if rank > r.rank[i] {
			grew = r.raise(i, rank)
		}
	}
	return grew
}

// estimate returns how many different hashes were added, most likely: the improved raw estimator of Otmar Ertl, "New
// cardinality estimation algorithms for HyperLogLog sketches" (arXiv:1702.01284, algorithm 6). It has no thresholds
// between formulas, no tables of measured bias, and one more property that we need: it is monotone.
//
// Proof. The estimate is a constant over z = m·τ(1-C[51]/m)/2^50 + Σ C[k]/2^k + m·σ(C[0]/m), where C[k] registers have rank
// k ≥ 1. When a register rises from j to k, z gains at most 1/2^k (for k = 51, since the slope of τ is at least -1/3,
// a third of 1/2^50) and loses 1/2^j, or if j is 0, at least 1, since the slope of σ is at least 1. So z falls. Rounding
// does not spoil it: the loop goes from small to large terms, so what is gained on the way is less than 1 where 1 is
// lost, and rounding, which is monotone, keeps that order.
//
// The products are written so that no compiler may fuse them with sums, which would round differently: where there is
// no conversion to float64, one factor is a power of two.
func (r *registers) estimate() uint64 {
	const m = size
	z := float64(m * tau(1-float64(r.count[maxRank])/m))
	for k := maxRank - 1; k >= 1; k-- {
		z = 0.5 * (z + float64(r.count[k]))
	}
	z += float64(m * sigma(float64(r.count[0])/m))
	n := float64(m*m/(2*math.Ln2)) / z
	if n >= math.MaxUint64 {
		return math.MaxUint64
	}
	return uint64(n + 0.5)
}

// sigma is x + Σ x^(2^k)·2^(k-1) for k ≥ 1: the weight of the registers without a hash. It is infinite for 1.
func sigma(x float64) float64 {
	y, z := 1.0, x
	for {
		x = float64(x * x)
		last := z
		z += x * y
		y *= 2
		if z == last {
			return z
		}
	}
}

// tau is (1 - x - Σ (1-x^(2^-k))²·2^-k)/3 for k ≥ 1: the weight of the registers that are full.
func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		last := z
		y *= 0.5
		z -= float64((1-x)*(1-x)) * y
		if z == last {
			return z / 3
		}
	}
}

// Four ranks of 6 bits each stand in 3 bytes, the first in the highest bits.
const packedRegisters = size / 4 * 3

func (r *registers) appendTo(b []byte) []byte {
	b = slices.Grow(b, packedRegisters)
	for i := 0; i < size; i += 4 {
		four := uint32(r.rank[i])<<18 | uint32(r.rank[i+1])<<12 | uint32(r.rank[i+2])<<6 | uint32(r.rank[i+3])
		b = append(b, byte(four>>16), byte(four>>8), byte(four))
	}
	return b
}

func (r *registers) read(in *wire.Reader) {
	*r = registers{}
	data := in.Take(packedRegisters)
	for i := 0; len(data) > 0; data = data[3:] {
		four := uint32(data[0])<<16 | uint32(data[1])<<8 | uint32(data[2])
		for shift := 18; shift >= 0; shift -= 6 {
			rank := uint8(four >> shift & 63)
			if rank > maxRank {
				in.Corrupt("a rank is larger than a hash allows")
				return
			}
			r.rank[i] = rank
			r.count[rank]++
			i++
		}
	}
	if r.count[0] == size {
		in.Corrupt("all registers are empty")
	}
}
