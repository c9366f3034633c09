package operators

import (
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Late yields the records of a keyed stream that come too late for a state made of it: their window was sealed when their
// shard had seen what it had seen before them. Each such record is in no result of the state, or, where windows overlap, not in
// all of those that it belongs to; it also goes to the late subject of the pipeline. What is late for a state that nothing
// seals, or that SealWhen seals, is not known where the record is read, and Late is refused there.
func Late[K Key, T, L any](in Keyed[K, T], of Growing[K, L]) Stream[T] {
	keyed, fold := plan.OfKeyed(in), plan.OfGrowing(of)
	n := derive(keyed, plan.KindLate, "late")
	if n == nil || fold == nil {
		return Stream[T]{}
	}
	n.Late, n.Detail = fold, "for "+fold.Name
	if fold.Kind != plan.KindFold || !slices.Contains(fold.In, keyed) {
		n.Graph().Fail(n.Site, "late: %s (%s) is not made of this keyed stream", fold.Label(), fold.Site)
	}
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		if fold.Rule.Attribute != "" {
			return kernel.LateByValue[K, T](n, rt, down, slices.Index(fold.In, keyed), keyOf[K, T](keyed))
		}
		return kernel.Late[T](n, down)
	}
	return plan.NewStream[T](n)
}
