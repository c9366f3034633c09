package exact

import (
	"encoding/json"
	"math/big"

	"github.com/calmstream/calmstream/crdt"
)

// DecimalSum is a [Sum] of decimals of one scale. Each half has 128 bits and stays at the largest such number rather than
// wrap around; from then on the sum is not known, and Value says so.
//
// Class of reads, size and cost are those of a Sum. Ask [DecimalsAddedAtLeast] and [DecimalsSubtractedAtLeast].
type DecimalSum[S Scale] struct {
	sum Sum
}

// Encoding: that of Sum, in units of the last digit. The scale is a part of the type, not of the bytes.

// Add adds a term of origin and returns the delta: all that the origin has added so far.
func (s *DecimalSum[S]) Add(origin string, term Decimal[S]) (delta DecimalSum[S]) {
	s.Take(origin, term)
	return DecimalSum[S]{Sum{single[halves, *halves](origin, s.sum.origins.of(origin))}}
}

// Take is Add without a delta.
func (s *DecimalSum[S]) Take(origin string, term Decimal[S]) {
	h := s.sum.origins.of(origin)
	h.n = saturatingAdd(h.n, 1)
	if units, negative := term.units(); negative {
		h.down = h.down.plus(units)
	} else {
		h.up = h.up.plus(units)
	}
}

// AddAll is AddAll of a [Sum].
func (s *DecimalSum[S]) AddAll(origin string, other *DecimalSum[S]) (delta DecimalSum[S]) {
	return DecimalSum[S]{s.sum.AddAll(origin, &other.sum)}
}

// Count returns the number of terms, a lower bound.
func (s *DecimalSum[S]) Count() uint64 { return s.sum.Count() }

// Value returns the sum; ok is false if it is not known, or exceeds 128 bits, and sum is then near it. It is not monotone: read it
// after a seal.
func (s *DecimalSum[S]) Value() (sum Decimal[S], ok bool) {
	all := s.sum.totals()
	sum, ok = decimalNear[S](all.value())
	return sum, ok && all.up != widest && all.down != widest
}

// Mean returns the average of the terms, rounded to the scale, halves to the even digit; ok is false if there are none, and if the
// sum is not known. It is not monotone: read it after a seal.
func (s *DecimalSum[S]) Mean() (mean Decimal[S], ok bool) {
	all := s.sum.totals()
	if all.n == 0 || all.up == widest || all.down == widest {
		return mean, false
	}
	n := new(big.Int).SetUint64(all.n)
	sum := all.value()
	rest := new(big.Int)
	quotient, _ := new(big.Int).DivMod(sum, n, rest) // rounded down, so that rest is not negative
	switch rest.Lsh(rest, 1).Cmp(n) {
	case 1:
		quotient.Add(quotient, big.NewInt(1))
	case 0:
		quotient.Add(quotient, new(big.Int).And(quotient, big.NewInt(1)))
	}
	return decimalNear[S](quotient)
}

// DecimalsAddedAtLeast holds once the positive terms add up to d, whatever the negative ones do. With a d that is not positive it holds
// always.
func DecimalsAddedAtLeast[S Scale](d Decimal[S]) crdt.UpSet[DecimalSum[S]] {
	units, negative := d.units()
	return crdt.AssertUpSet("added >= "+d.String(), func(s *DecimalSum[S]) bool {
		all := s.sum.totals()
		return negative || all.up.compare(units) >= 0
	})
}

// DecimalsSubtractedAtLeast holds once the negative terms add up to -d, whatever the positive ones do. With a d that is not positive it
// holds always.
func DecimalsSubtractedAtLeast[S Scale](d Decimal[S]) crdt.UpSet[DecimalSum[S]] {
	units, negative := d.units()
	return crdt.AssertUpSet("subtracted >= "+d.String(), func(s *DecimalSum[S]) bool {
		all := s.sum.totals()
		return negative || all.down.compare(units) >= 0
	})
}

// Merge takes, for each origin, the larger of each of its numbers and reports whether any grew.
func (s *DecimalSum[S]) Merge(other *DecimalSum[S]) (grew bool) { return s.sum.Merge(&other.sum) }

// MarshalJSON shows the sum, or null if it is not known, and the number of terms.
func (s DecimalSum[S]) MarshalJSON() ([]byte, error) {
	shown := struct {
		Sum   *Decimal[S] `json:"sum"`
		Count uint64      `json:"count"`
	}{Count: s.Count()}
	if sum, ok := s.Value(); ok {
		shown.Sum = &sum
	}
	return json.Marshal(shown)
}

// AppendBinary appends the encoding of s to b. The error is always nil.
func (s *DecimalSum[S]) AppendBinary(b []byte) ([]byte, error) { return s.sum.AppendBinary(b) }

// UnmarshalBinary replaces s with the value encoded in data. On an error, which wraps [crdt.ErrCorrupt] or
// [crdt.ErrVersion], s is as before.
func (s *DecimalSum[S]) UnmarshalBinary(data []byte) error { return s.sum.UnmarshalBinary(data) }
