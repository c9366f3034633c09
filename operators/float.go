package operators

import (
	"encoding/binary"
	"math"

	"github.com/calmstream/calmstream/crdt/exact"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// SumFloat adds up a floating-point term of each record, for each key and window. Its value is the float64 nearest to the exact
// sum: rounded once, when it is read, so that neither the order of the records nor how they are spread over shards shows. A
// running float64 would depend on both. The price is a state of some 130 bytes instead of 8. Each record costs O(1) as
// long as terms are of similar size: see [exact.FloatSum].
//
// It is read behind a seal, as [SumSigned] is.
func SumFloat[K Key, T any](name string, in Keyed[K, T], term func(T) float64) Growing[K, exact.FloatSum] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "sum-float")
	if n == nil {
		return Growing[K, exact.FloatSum]{}
	}
	requireFunc(n, term == nil)
	fold[K, T, float64, exact.FloatSum](n, name, term, floatTerms, func(rt *plan.Runtime) kernel.Folding[exact.FloatSum, float64] {
		origin := rt.Origin
		return kernel.Folding[exact.FloatSum, float64]{
			Apply: func(dst *exact.FloatSum, v *float64) bool {
				dst.Take(origin, *v)
				return true
			},
			Combine: func(dst, src *exact.FloatSum) { dst.AddAll(origin, src) },
			Plain:   true,
		}
	})
	return plan.NewGrowing[K, exact.FloatSum](n)
}

var floatTerms = kernel.ValueCodec[float64]{
	Append: func(b []byte, v *float64) ([]byte, error) {
		return binary.BigEndian.AppendUint64(b, math.Float64bits(*v)), nil
	},
	Decode: func(data []byte) (float64, error) {
		if len(data) != 8 {
			return 0, errTerm
		}
		return math.Float64frombits(binary.BigEndian.Uint64(data)), nil
	},
}
