package operators

import (
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Reduce makes one value of what value makes of the records of each key and window, with a function that is claimed to be associative and
// commutative. It need not be idempotent: the engine applies each position of a log once. The claim stands in the plan.
//
// What it has made says nothing about what it will have made, so that there is no threshold on it: it is read behind a seal. If V has an
// order in which it grows, write a lattice and use [Aggregate]. A value is kept in the usual form of its type, see [WithCodec], and
// must come back from it as it was: fields that are not exported would be lost in JSON.
func Reduce[K Key, T, V any](name string, in Keyed[K, T], value func(T) V, with Reduction[V]) Growing[K, Reduced[V]] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "reduce")
	if n == nil {
		return Growing[K, Reduced[V]]{}
	}
	requireFunc(n, value == nil)
	if !with.Valid() {
		n.Graph().Fail(n.Site, "reduce: it needs a Reduction with a function; claim one by operators.AssertReduction")
	}
	n.Detail = with.String()
	codec := plan.UsualCodec[V]()
	n.CodecName = codec.Name
	values := kernel.ValueCodec[V]{
		Append: func(b []byte, v *V) ([]byte, error) { return codec.Append(b, *v) },
		Decode: codec.Decode,
	}
	fold[K, T, V, Reduced[V], *Reduced[V]](n, name, value, values, func(*plan.Runtime) kernel.Folding[Reduced[V], V] {
		return kernel.Folding[Reduced[V], V]{
			Apply: func(dst *Reduced[V], v *V) bool {
				dst.take(with.combine, *v, 1)
				return true
			},
			Combine: func(dst, src *Reduced[V]) { dst.take(with.combine, src.value, src.n) },
		}
	})
	return plan.NewGrowing[K, Reduced[V]](n)
}
