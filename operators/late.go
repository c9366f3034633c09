package operators

import (
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Late yields the records of a keyed stream that come too late for a state made of it: what they are about was sealed when their
// shard had seen what it had seen before them. Each such record is in no result of the state, or, where windows overlap, not in
// all of those that it belongs to; it also goes to the late subject of the pipeline.
//
// The state is that of an aggregate, of a join of any kind, a lookup, a difference or a Deduplicate, and is given by what that operator yields
// itself. Of a state that is made of several streams, in is the one whose late records are wanted: the orders or the payments of a join, the
// records or the changes of the table of a lookup. A stream that is both inputs of a join yields a late record once.
//
// What is late for a state that nothing seals, or that SealWhen seals, is not known where the record is read, and Late is refused
// there; so it is for Enrich, for which no record is late. A record costs O(1), and no state is kept.
func Late[K Key, T any](in Keyed[K, T], of Stateful) Stream[T] {
	keyed, state := plan.OfKeyed(in), plan.OfState(of)
	n := derive(keyed, plan.KindLate, "late")
	if n == nil {
		return Stream[T]{}
	}
	if state == nil {
		n.Graph().Fail(n.Site, "late: the state is a zero value; give what the aggregate or the join yields")
		return Stream[T]{}
	}
	n.Late, n.Detail = state, "for "+state.Name
	switch {
	case !state.Stateful():
		n.Graph().Fail(n.Site, "late: %s (%s) keeps no state; give what the aggregate or the join itself yields", state.Label(), state.Site)
	case !slices.Contains(state.In, keyed):
		n.Graph().Fail(n.Site, "late: %s (%s) is not made of this keyed stream", state.Label(), state.Site)
	}
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		if state.Rule.Attribute != "" {
			return kernel.LateByValue[K, T](n, rt, down, slices.Index(state.In, keyed), keyOf[K, T](keyed))
		}
		return kernel.Late[T](n, down)
	}
	return plan.NewStream[T](n)
}
