package crdt

import (
	"math"
	"math/bits"
)

// sum128 is a signed sum of 128 bits, in two's complement. Sums that may leave the range of 64 bits and come back need it: a
// saturating addition of signed numbers is not associative, so that the sum would depend on the order in which they arrive. No 2^63
// numbers exceed it.
type sum128 struct {
	hi int64
	lo uint64
}

// raise adds n.
func (s *sum128) raise(n uint64) {
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, n, 0)
	s.hi += int64(carry)
}

// lower subtracts n.
func (s *sum128) lower(n uint64) {
	var borrow uint64
	s.lo, borrow = bits.Sub64(s.lo, n, 0)
	s.hi -= int64(borrow)
}

// add adds x.
func (s *sum128) add(x int64) {
	if x < 0 {
		s.lower(-uint64(x)) // also of the smallest int64
		return
	}
	s.raise(uint64(x))
}

// move replaces the term from by the term to.
func (s *sum128) move(from, to int64) {
	if from < 0 {
		s.raise(-uint64(from))
	} else {
		s.lower(uint64(from))
	}
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

// uint64 returns the nearest uint64.
func (s *sum128) uint64() uint64 {
	switch {
	case s.hi < 0:
		return 0
	case s.hi > 0:
		return math.MaxUint64
	default:
		return s.lo
	}
}
