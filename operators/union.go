package operators

import (
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Union yields the records of all streams. They may come from different inputs; no order is promised between them. What
// follows, up to the next state, runs where each stream is.
func Union[T any](first Stream[T], others ...Stream[T]) Stream[T] {
	in := []*plan.Node{plan.OfStream(first)}
	for _, o := range others {
		in = append(in, plan.OfStream(o))
	}
	n := deriveAll(in, plan.KindUnion, "union")
	if n == nil {
		return Stream[T]{}
	}
	n.Build = func(_ *plan.Runtime, down []plan.Operator) (plan.Operator, error) { return kernel.Union[T](n, down) }
	n.Lift = func(_ *plan.Runtime, next plan.Inlet) (plan.Operator, error) { return kernel.Branch[T](n, next) }
	return plan.NewStream[T](n)
}

// deriveAll adds a node below several, at the call site of the exported function that calls it. If one of them is a zero
// handle the mistake is reported in the graph of another; if all are, where the result is used.
func deriveAll(in []*plan.Node, kind plan.Kind, op string) *plan.Node {
	var given []*plan.Node
	for _, n := range in {
		if n != nil {
			given = append(given, n)
		}
	}
	if len(given) == 0 {
		return nil
	}
	g, site := given[0].Graph(), plan.Site(2)
	if len(given) < len(in) {
		g.Fail(site, "%s: one of its inputs is a zero value; it must come from pipeline.Read", op)
		return nil
	}
	return g.Add(&plan.Node{Kind: kind, Op: op, Site: site, In: in})
}
