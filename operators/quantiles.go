package operators

import (
	"github.com/calmstream/calmstream/crdt/sketch"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Quantiles estimates how the values of the records of each key and window are distributed, with a relative error of 1/128 at most:
// medians, percentiles. A quantile can move either way and is read behind a seal; "a hundred requests took a second or more" is a
// threshold: [sketch.ValuesAtLeast]. Values are integers: scale to nanoseconds, bytes or cents. The state takes 16 bytes
// for each bin in use, of which values that span a factor of ten use 213 at most; each record costs O(log n) for n bins.
func Quantiles[K Key, T any](name string, in Keyed[K, T], value func(T) int64) Growing[K, sketch.Quantiles] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "quantiles")
	if n == nil {
		return Growing[K, sketch.Quantiles]{}
	}
	requireFunc(n, value == nil)
	fold[K, T, int64, sketch.Quantiles](n, name, value, signedTerms, func(rt *plan.Runtime) kernel.Folding[sketch.Quantiles, int64] {
		origin := rt.Origin
		return kernel.Folding[sketch.Quantiles, int64]{
			Apply: func(dst *sketch.Quantiles, v *int64) bool {
				dst.Take(origin, *v)
				return true
			},
			Combine: func(dst, src *sketch.Quantiles) { dst.AddAll(origin, src) },
			Plain:   true,
		}
	})
	return plan.NewGrowing[K, sketch.Quantiles](n)
}
