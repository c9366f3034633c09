package operators

import (
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/ask"
)

// Shared is a growing state that may be asked from outside of its pipeline, by package [query]: by thresholds and for lower bounds
// while it grows, and for anything once it will not change any more.
//
// [query]: https://pkg.go.dev/github.com/calmstream/calmstream/pipeline/query
type Shared[K Key, L any] = plan.SharedState[K, L]

// Share returns a handle by which a state can be asked from outside of its pipeline: by the name that it has there. It adds nothing to the
// pipeline, whose results and identity stay what they are. Workers that serve queries answer about the states that are shared.
func Share[K Key, L any, P crdt.Lattice[L]](in Growing[K, L]) Shared[K, L] {
	values, n := latticeCodec[L, P](), plan.OfGrowing(in)
	if n != nil {
		n.Graph().Share(ask.Sharing[K, L, P](n))
	}
	return plan.NewShared[K](n, plan.StateCodec[L]{
		Append: values.Append, Decode: values.Decode, Seal: crdt.AssertSealed[L, P], Settled: crdt.SealSettled[L, P],
	})
}
