package exact

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/big"
	"strconv"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/internal/wire"
)

// FloatSum is a sum of floating-point numbers, and how many they are. Its value is the float64 that is nearest to the sum of
// all terms, halves to the even digit: rounded once, when it is read, so that it does not depend on their order. For
// that it adds in fixed point, with as many bits as the terms take (a superaccumulator: Kulisch, 1971; Neal, arXiv:1505.05571). The zero
// FloatSum has no terms. Use [crdt.Clone] to copy one.
//
// For each origin it keeps the number of terms, and what the positive ones and what the negative ones add up to, and merges each
// by maximum. Infinities and NaN are kept apart: as in IEEE 754 a NaN, or infinities of both signs, make the sum NaN, and those of one sign make it
// that infinity. The sum of nothing, and of zeros of any sign, is 0.
//
// Class of reads: Count is monotone, a lower bound. Value and Mean are not: read them after a seal.
//
// A FloatSum is 104 bytes, and 8 for each 64 bits that lie between the smallest and the largest bit of a half: two or three
// times for terms of similar size, 34 times at most.
type FloatSum struct {
	origins origins[floats, *floats]
}

// Encoding, version 1:
//
//	version | n | (origin | terms | special | added | subtracted) * n     origins strictly ascending; terms > 0, a uvarint
//	special  one byte: bit 0 for NaN, bit 1 for +Inf, bit 2 for -Inf
//	added, subtracted: see natural.go

// The bits of what is not finite.
const (
	sawNaN = 1 << iota
	sawPlus
	sawMinus
)

// floats is what one origin has added up.
type floats struct {
	n        uint64
	up, down natural
	special  uint8
}

func (x *floats) terms() uint64 { return x.n }

func (x *floats) clone() floats { return floats{x.n, x.up.clone(), x.down.clone(), x.special} }

func (x *floats) merge(other *floats) (grew bool) {
	if x.n < other.n {
		x.n, grew = other.n, true
	}
	if special := x.special | other.special; special != x.special {
		x.special, grew = special, true
	}
	grew = x.up.raise(&other.up) || grew
	return x.down.raise(&other.down) || grew
}

func (x *floats) add(term float64) {
	x.n = saturatingAdd(x.n, 1)
	switch {
	case math.IsNaN(term):
		x.special |= sawNaN
	case term > math.MaxFloat64:
		x.special |= sawPlus
	case term < -math.MaxFloat64:
		x.special |= sawMinus
	case term >= 0:
		x.up.add(split(term))
	default:
		x.down.add(split(term))
	}
}

func (x *floats) addAll(other *floats) {
	x.n = saturatingAdd(x.n, other.n)
	x.special |= other.special
	x.up.addAll(&other.up)
	x.down.addAll(&other.down)
}

func (x *floats) appendTo(b []byte) []byte {
	b = append(binary.AppendUvarint(b, x.n), x.special)
	return x.down.appendTo(x.up.appendTo(b))
}

func (x *floats) read(r *wire.Reader) {
	x.n = r.Uvarint()
	if special := r.Take(1); len(special) == 1 {
		x.special = special[0]
	}
	if x.special > sawNaN|sawPlus|sawMinus {
		r.Corrupt("a flag is not known")
	}
	x.up.read(r)
	x.down.read(r)
}

// Add adds a term of origin and returns the delta: all that the origin has added so far. A term of 0 counts too.
//
// The delta is a copy of all that; [FloatSum.Take] makes none.
func (s *FloatSum) Add(origin string, term float64) (delta FloatSum) {
	s.Take(origin, term)
	return FloatSum{single[floats, *floats](origin, s.origins.of(origin))}
}

// Take is Add without a delta. O(1) for terms of similar size, and no allocation once their bits are covered.
func (s *FloatSum) Take(origin string, term float64) { s.origins.of(origin).add(term) }

// AddAll adds, for origin, all terms of other: for two sums of different terms, such as two sessions that turn out to be one, where Merge
// would take the larger of what the same origin has in both.
func (s *FloatSum) AddAll(origin string, other *FloatSum) {
	if all := other.totals(); all.n > 0 {
		s.origins.of(origin).addAll(&all)
	}
}

// totals adds up the origins.
func (s *FloatSum) totals() (all floats) {
	for _, x := range s.origins.all {
		all.addAll(x)
	}
	return all
}

// Count returns the number of terms, a lower bound.
func (s *FloatSum) Count() uint64 { return s.origins.count() }

// Value returns the float64 nearest to the sum; an infinity if it is beyond all of them. It is not monotone: read it
// after a seal.
func (s *FloatSum) Value() float64 {
	all := s.totals()
	if f, ok := all.notFinite(); ok {
		return f
	}
	sum := new(big.Float).SetInt(all.units()) // with as many bits as it takes
	f, _ := sum.SetMantExp(sum, unitExponent).Float64()
	return f
}

// Mean returns the float64 nearest to the average of the terms; ok is false if there are none. It is not monotone: read
// it after a seal.
func (s *FloatSum) Mean() (mean float64, ok bool) {
	all := s.totals()
	if all.n == 0 {
		return 0, false
	}
	if f, ok := all.notFinite(); ok {
		return f, true
	}
	unit := new(big.Int).Lsh(big.NewInt(1), -unitExponent)
	mean, _ = new(big.Rat).SetFrac(all.units(), unit.Mul(unit, new(big.Int).SetUint64(all.n))).Float64()
	return mean, true
}

func (x *floats) units() *big.Int {
	up := x.up.big()
	return up.Sub(up, x.down.big())
}

// notFinite returns the sum if a term was not finite.
func (x *floats) notFinite() (f float64, ok bool) {
	switch x.special {
	case 0:
		return 0, false
	case sawPlus:
		return math.Inf(1), true
	case sawMinus:
		return math.Inf(-1), true
	default:
		return math.NaN(), true
	}
}

// FloatsAtLeast holds once there are n terms. FloatsAtLeast(0) holds always.
func FloatsAtLeast(n uint64) crdt.UpSet[FloatSum] {
	return crdt.AssertUpSet(termsName(n), func(s *FloatSum) bool { return s.Count() >= n })
}

// Merge takes, for each origin, the larger of each of its numbers and reports whether any grew.
func (s *FloatSum) Merge(other *FloatSum) (grew bool) { return s.origins.merge(&other.origins) }

// MarshalJSON shows the sum, as a text if it is not finite, and the number of terms.
func (s FloatSum) MarshalJSON() ([]byte, error) {
	shown := struct {
		Sum   any    `json:"sum"`
		Count uint64 `json:"count"`
	}{s.Value(), s.Count()}
	if f := s.Value(); math.IsNaN(f) || math.IsInf(f, 0) {
		shown.Sum = strconv.FormatFloat(f, 'g', -1, 64)
	}
	return json.Marshal(shown)
}

// AppendBinary appends the encoding of s to b. The error is always nil.
func (s *FloatSum) AppendBinary(b []byte) ([]byte, error) {
	return s.origins.appendTo(append(b, wire.Version1)), nil
}

// UnmarshalBinary replaces s with the value encoded in data. On an error, which wraps [crdt.ErrCorrupt] or
// [crdt.ErrVersion], s is as before.
func (s *FloatSum) UnmarshalBinary(data []byte) error {
	r := wire.Open("FloatSum", data)
	var read FloatSum
	read.origins.read(&r)
	if err := r.Close(); err != nil {
		return err
	}
	*s = read
	return nil
}
