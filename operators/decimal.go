package operators

import (
	"github.com/calmstream/calmstream/crdt/exact"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// SumDecimal adds up a decimal of each record, for each key and window, exactly. The number of digits behind the point is that of the
// type of the term, so that a record with more of them is refused where it is decoded. Terms may be negative: as with [SumSigned], no
// threshold asks about the sum, only about its halves. Each record costs O(1).
func SumDecimal[K Key, T any, S exact.Scale](name string, in Keyed[K, T], term func(T) exact.Decimal[S]) Growing[K, exact.DecimalSum[S]] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "sum-decimal")
	if n == nil {
		return Growing[K, exact.DecimalSum[S]]{}
	}
	requireFunc(n, term == nil)
	type sum = exact.DecimalSum[S]
	type decimal = exact.Decimal[S]
	codec := kernel.ValueCodec[decimal]{
		Append: func(b []byte, d *decimal) ([]byte, error) { return d.AppendBinary(b) },
		Decode: func(data []byte) (d decimal, err error) {
			err = d.UnmarshalBinary(data)
			return d, err
		},
	}
	fold[K, T, decimal, sum, *sum](n, name, term, codec, func(rt *plan.Runtime) kernel.Folding[sum, decimal] {
		origin := rt.Origin
		return kernel.Folding[sum, decimal]{
			Apply: func(dst *sum, d *decimal) bool {
				dst.Take(origin, *d)
				return true
			},
			Combine: func(dst, src *sum) { dst.AddAll(origin, src) },
			Plain:   true,
		}
	})
	return plan.NewGrowing[K, sum](n)
}
