package crdt

import (
	"math"
	"math/bits"
)

// wide is a signed sum of 128 bits. Sums of int64 that may leave the range and come back need it: a saturating addition of signed
// numbers is not associative, so that the sum would depend on the order in which they arrive. No 2^64 numbers exceed it.
type wide struct {
	hi int64
	lo uint64
}

// add adds x.
func (w *wide) add(x int64) {
	var carry uint64
	w.lo, carry = bits.Add64(w.lo, uint64(x), 0)
	w.hi += x>>63 + int64(carry) // the upper half of x is all zeros or all ones
}

// move replaces the term from by the term to.
func (w *wide) move(from, to int64) {
	var borrow uint64
	w.lo, borrow = bits.Sub64(w.lo, uint64(from), 0)
	w.hi -= from>>63 + int64(borrow)
	w.add(to)
}

// int64 returns the sum; ok is false if it does not fit, and sum is then the nearest that does.
func (w *wide) int64() (sum int64, ok bool) {
	switch {
	case w.hi == int64(w.lo)>>63:
		return int64(w.lo), true
	case w.hi < 0:
		return math.MinInt64, false
	default:
		return math.MaxInt64, false
	}
}
