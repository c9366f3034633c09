package operators

import (
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
)

// Shared is a growing state that may be asked from outside of its pipeline, by package [query]: by thresholds and for lower bounds
// while it grows, and for anything once it will not change any more.
//
// [query]: https://pkg.go.dev/github.com/calmstream/calmstream/pipeline/query
type Shared[K Key, L any] = plan.SharedState[K, L]

// Share returns a handle by which a state can be asked from outside of its pipeline: by the name that it has there. It adds nothing to the
// pipeline, whose results and identity stay what they are.
func Share[K Key, L any, P crdt.Lattice[L]](in Growing[K, L]) Shared[K, L] {
	values := latticeCodec[L, P]()
	return plan.NewShared[K](plan.OfGrowing(in), plan.StateCodec[L]{
		Append: values.Append, Decode: values.Decode, Seal: crdt.AssertSealed[L, P], Settled: crdt.SealSettled[L, P],
	})
}
