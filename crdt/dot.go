package crdt

import (
	"strconv"
	"unique"
)

// Dot is the identity of one update: the name of its origin and its number there, from 1 on (Almeida, Shoker, Baquero, "Delta
// state replicated data types", JPDC 2018, §7). Dots are compared with ==. The zero Dot is none.
//
// An origin names one history of updates: a shard or a replica, with the incarnation of its log where logs can be
// recreated. Two histories under one name give one dot to two updates, and one of them, or both, will be lost.
//
// A Dot is 16 bytes: the names of origins are kept once for the whole process.
type Dot struct {
	origin origin
	n      uint64
}

type origin = unique.Handle[string]

// DotOf returns the n-th dot of an origin, or none if n is 0.
func DotOf(origin string, n uint64) Dot {
	if n == 0 {
		return Dot{}
	}
	return Dot{origin: unique.Make(origin), n: n}
}

// Origin returns the name of the origin. That of the zero Dot is empty.
func (d Dot) Origin() string {
	if d.n == 0 {
		return ""
	}
	return d.origin.Value()
}

// Number returns the number of the update at its origin, from 1 on. That of the zero Dot is 0.
func (d Dot) Number() uint64 { return d.n }

// String returns origin and number, such as "shard-0:17", and "none" for the zero Dot.
func (d Dot) String() string {
	if d.n == 0 {
		return "none"
	}
	return d.Origin() + ":" + strconv.FormatUint(d.n, 10)
}

// before orders dots by the name of their origin, compared as bytes, and then by number.
func (d Dot) before(e Dot) bool {
	if d.origin == e.origin {
		return d.n < e.n
	}
	return d.origin.Value() < e.origin.Value()
}

func (d Dot) compare(e Dot) int {
	switch {
	case d == e:
		return 0
	case d.before(e):
		return -1
	default:
		return 1
	}
}
