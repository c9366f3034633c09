package operators

import (
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Threshold yields each key whose state reaches the set, once for each window, as soon as it does. The results are
// stable: since the state only grows and the set is upward closed, nothing that arrives later can make them wrong.
func Threshold[K Key, L any](in Growing[K, L], at crdt.UpSet[L]) Stream[K] {
	n := derive(plan.OfGrowing(in), plan.KindThreshold, "threshold")
	if n == nil {
		return Stream[K]{}
	}
	n.Detail = at.String()
	n.Build = func(_ *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.Threshold[K](n, down, at)
	}
	return plan.NewStream[K](n)
}
