package operators

import (
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// TopK ranks the keys of each sealed window by score and yields the k best, the best first; the smaller key wins a
// tie. The name is the identity of its state.
func TopK[K Key, L any, N Key](name string, in Sealed[K, L], k int, score func(*L) N) Stream[[]Ranked[K, N]] {
	n := derive(plan.OfSealed(in), plan.KindFold, "top-k")
	if n == nil {
		return Stream[[]Ranked[K, N]]{}
	}
	requireFunc(n, score == nil)
	if k <= 0 {
		n.Graph().Fail(n.Site, "top-k: k must be positive, not %d", k)
	}
	above := n.In[0]
	if above.Rule.Evidence {
		n.Graph().Fail(n.Site, "top-k: states that are sealed one by one, by operators.SealWhen, make no complete window to rank; seal it with operators.Watermark or operators.EndOfInput")
	}
	if above.Windowing.Gap > 0 {
		n.Graph().Fail(n.Site, "top-k: sessions are windows of one key each, so that there is nothing to rank; rank tumbling or hopping windows, or use operators.Finals")
	}
	n.Name, n.KeyName, n.Windowing, n.Derived = name, "window", above.Windowing, true
	n.State = "ranking"
	n.Detail = fmt.Sprintf("the best %d", k)

	type entry = Ranked[K, N]
	// The window is the key: each window is ranked in one place.
	n.Lift = func(rt *plan.Runtime, next plan.Inlet) (plan.Operator, error) {
		return kernel.Lift(n, rt, next, kernel.Extract[int64, Final[K, L], entry]{
			Key:   func(f Final[K, L]) int64 { return f.Window.Start },
			Value: func(f Final[K, L]) entry { return entry{Key: f.Key, Score: score(&f.Value)} },
		})
	}
	physical[int64, entry, kernel.Ranking[K, N]](n, kernel.RankedCodec[K, N](), func(*plan.Runtime) kernel.Folding[kernel.Ranking[K, N], entry] {
		return kernel.Folding[kernel.Ranking[K, N], entry]{Apply: func(dst *kernel.Ranking[K, N], e *entry) bool {
			dst.Limit = k
			return dst.Put(*e)
		}}
	})
	n.Build = ranked[K, N](n, n.Build)
	return plan.NewStream[[]Ranked[K, N]](n)
}

// ranked puts, between the fold of a ranking and the consumers of its node, what turns closed rankings into results.
func ranked[K, N Key](n *plan.Node, fold func(*plan.Runtime, []plan.Operator) (plan.Operator, error)) func(*plan.Runtime, []plan.Operator) (plan.Operator, error) {
	return func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		results, err := kernel.Rankings[K, N](n, rt, down)
		if err != nil {
			return nil, err
		}
		return fold(rt, []plan.Operator{results})
	}
}
