package operators

import (
	"encoding/binary"

	"github.com/calmstream/calmstream/crdt/exact"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// SumSigned adds up a term of each record, for each key and window, exactly: with 128 bits, so that it never overflows. A term below 0
// takes back.
//
// The sum can leave again what it has reached. So no threshold asks about it, only about what was added
// ([exact.AddedAtLeast]) and what was subtracted ([exact.SubtractedAtLeast]), which only grow; the sum itself is read behind a
// seal. For terms that are never negative see [Sum]. Each record costs O(1).
func SumSigned[K Key, T any](name string, in Keyed[K, T], term func(T) int64) Growing[K, exact.Sum] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "sum-signed")
	if n == nil {
		return Growing[K, exact.Sum]{}
	}
	requireFunc(n, term == nil)
	signed[K](n, name, term)
	return plan.NewGrowing[K, exact.Sum](n)
}

// CountSigned counts the records of each key and window, where those for which retracts is true take one away: inserts and
// retractions. What it counts is read behind a seal, as that of [SumSigned].
func CountSigned[K Key, T any](name string, in Keyed[K, T], retracts func(T) bool) Growing[K, exact.Sum] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "count-signed")
	if n == nil {
		return Growing[K, exact.Sum]{}
	}
	requireFunc(n, retracts == nil)
	signed[K](n, name, func(record T) int64 {
		if retracts(record) {
			return -1
		}
		return 1
	})
	return plan.NewGrowing[K, exact.Sum](n)
}

// signed makes n a fold that adds up signed terms. As with counter, the engine applies each position of a log once, and the state is the
// shard's own entry.
func signed[K Key, T any](n *plan.Node, name string, term func(T) int64) {
	fold[K, T, int64, exact.Sum](n, name, term, signedTerms, func(rt *plan.Runtime) kernel.Folding[exact.Sum, int64] {
		origin := rt.Origin
		return kernel.Folding[exact.Sum, int64]{
			Apply: func(dst *exact.Sum, v *int64) bool {
				dst.Take(origin, *v)
				return true
			},
			Combine: func(dst, src *exact.Sum) { dst.AddAll(origin, src) },
			Plain:   true,
		}
	})
}

var signedTerms = kernel.ValueCodec[int64]{
	Append: func(b []byte, v *int64) ([]byte, error) { return binary.AppendVarint(b, *v), nil },
	Decode: func(data []byte) (int64, error) {
		v, n := binary.Varint(data)
		if n <= 0 || n != len(data) {
			return 0, errTerm
		}
		return v, nil
	},
}
