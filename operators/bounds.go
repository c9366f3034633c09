package operators

import (
	"strconv"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Bound is what is known of a key in a window before its seal: a value that only grows, and how far its state has come.
type Bound[K Key, V any] = plan.Bound[K, V]

// Bounds publishes what is known of the growing states, before any seal, as lower bounds. For each key and window it yields the value
// that read gives, whenever the progress of the state has come to another multiple of every: with every 1 each time that
// it has grown, with every 1000 a thousand times less often. If a record takes it over several multiples at once there is one
// bound. A state whose progress stays below every is not published at all, and what is known of one lags behind it by less than every.
//
// Bounds can be written and nothing else: which of them there are depends on the order of the log, so that a count of them, or
// a join with them, would be no fact. A reader merges the values it gets, in any order and however often; or it takes the one with the
// largest Progress, which is what [sinks.View] shows. A seal yields the exact value.
//
// Sessions cannot be published: two of them may become one, and what was known of either would be about nothing. For each record that
// changes a state, progress is asked twice; read once for each bound.
//
// [sinks.View]: https://pkg.go.dev/github.com/calmstream/calmstream/sinks#View
func Bounds[K Key, L, V any](in Growing[K, L], read crdt.Monotonic[L, V], progress crdt.Monotonic[L, crdt.Max[uint64]], every uint64) Stream[Bound[K, V]] {
	n := derive(plan.OfGrowing(in), plan.KindBounds, "bounds")
	if n == nil {
		return Stream[Bound[K, V]]{}
	}
	requireFunc(n, read == nil || progress == nil)
	if every == 0 {
		n.Graph().Fail(n.Site, "bounds: every must be positive: 1 publishes each change")
	}
	if n.In[0].Windowing.Gap > 0 {
		n.Graph().Fail(n.Site, "bounds: sessions grow and merge, so that what is known of one may turn out to be about a part of another; use tumbling windows, or seal them")
	}
	value, step := crdt.MonotoneOf(read), crdt.MonotoneOf(progress)
	n.Detail = value.String() + " by " + step.String()
	if every > 1 {
		n.Detail += " every " + strconv.FormatUint(every, 10)
	}
	n.Build = func(_ *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.Bounds[K](n, down, kernel.Rising[L, V]{Read: value.Apply, Every: every, Progress: func(state *L) uint64 {
			at := step.Apply(state)
			progress, _ := at.Value()
			return progress
		}})
	}
	return plan.NewStream[Bound[K, V]](n)
}
