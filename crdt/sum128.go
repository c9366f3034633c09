package crdt

import (
	"math"
	"math/bits"
)

// sum128 is a signed sum of 128 bits. Sums of int64 that may leave the range and come back need it: a saturating addition of signed
// numbers is not associative, so that the sum would depend on the order in which they arrive. No 2^64 numbers exceed it.
type sum128 struct {
	hi int64
	lo uint64
}

// add adds x.
func (s *sum128) add(x int64) {
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, uint64(x), 0)
	s.hi += x>>63 + int64(carry) // the upper half of x is all zeros or all ones
}

// move replaces the term from by the term to.
func (s *sum128) move(from, to int64) {
	var borrow uint64
	s.lo, borrow = bits.Sub64(s.lo, uint64(from), 0)
	s.hi -= from>>63 + int64(borrow)
	s.add(to)
}

// int64 returns the sum; ok is false if it does not fit, and sum is then the nearest that does.
func (s *sum128) int64() (sum int64, ok bool) {
	switch {
	case s.hi == int64(s.lo)>>63:
		return int64(s.lo), true
	case s.hi < 0:
		return math.MinInt64, false
	default:
		return math.MaxInt64, false
	}
}
