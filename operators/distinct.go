package operators

import (
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/sketch"
	"github.com/calmstream/calmstream/internal/plan"
)

// Distinct keeps the set of the values of the records of each key and window. It is exact, and takes memory for each value: where a count
// is enough and there are many, see [ApproxDistinct]. Ask [crdt.SizeAtLeast] and [crdt.Contains] before the seal. Each record
// costs O(log n) for n values.
func Distinct[K Key, T any, V Key](name string, in Keyed[K, T], value func(T) V) Growing[K, crdt.GSet[V]] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "distinct")
	if n == nil {
		return Growing[K, crdt.GSet[V]]{}
	}
	requireFunc(n, value == nil)
	own := plan.KeyCodecOf[V]().Own
	type set = crdt.GSet[V]
	fold[K, T, V, set, *set](n, name, value, elementCodec[V](), joined[set, V](func(dst *set, v *V) bool {
		if dst.Contains(*v) {
			return false
		}
		dst.Add(own(*v))
		return true
	}))
	return plan.NewGrowing[K, set](n)
}

// ApproxDistinct estimates how many different values the records of each key and window have: exactly up to 1024, with a standard error
// of 0.81 % above, in 18 KiB at most. Ask [sketch.DistinctAtLeast] before the seal. Each record costs O(1) above 1024 values.
func ApproxDistinct[K Key, T any](name string, in Keyed[K, T], value func(T) string) Growing[K, sketch.Distinct] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "approx-distinct")
	if n == nil {
		return Growing[K, sketch.Distinct]{}
	}
	requireFunc(n, value == nil)
	fold[K, T, string, sketch.Distinct](n, name, value, elementCodec[string](), joined[sketch.Distinct, string](func(dst *sketch.Distinct, v *string) bool {
		return dst.Take(*v)
	}))
	return plan.NewGrowing[K, sketch.Distinct](n)
}
