package operators

import (
	"github.com/calmstream/calmstream/crdt/exact"
	"github.com/calmstream/calmstream/internal/plan"
)

// Average keeps the exact sum of the terms of each key and window, and how many they are; the Mean of the state is their average, rounded
// once. Terms are integers: scale to cents or nanoseconds, or see [SumDecimal] and [SumFloat], which count too.
//
// An average can move either way, so that there is no threshold on it: it is read behind a seal. Each record costs O(1).
func Average[K Key, T any](name string, in Keyed[K, T], term func(T) int64) Growing[K, exact.Sum] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "average")
	if n == nil {
		return Growing[K, exact.Sum]{}
	}
	requireFunc(n, term == nil)
	signed[K](n, name, term)
	return plan.NewGrowing[K, exact.Sum](n)
}
