package operators

import (
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Split parts a stream into the records for which which is true and the others. The function is asked once for each of
// the two streams.
func Split[T any](in Stream[T], which func(T) bool) (matching, others Stream[T]) {
	n := derive(plan.OfStream(in), plan.KindFilter, "split")
	if n == nil {
		return matching, others
	}
	requireFunc(n, which == nil)
	keep(n, "matching", which)
	rest := derive(plan.OfStream(in), plan.KindFilter, "split")
	keep(rest, "others", func(v T) bool { return !which(v) })
	return plan.NewStream[T](n), plan.NewStream[T](rest)
}

// Branch parts a stream in as many as there are functions, and one more: a record goes to the first whose function
// is true for it, or to the last stream if none is.
func Branch[T any](in Stream[T], which ...func(T) bool) []Stream[T] {
	out := make([]Stream[T], len(which)+1)
	for i := range out {
		n := derive(plan.OfStream(in), plan.KindFilter, "branch")
		if n == nil {
			return out
		}
		if i < len(which) {
			requireFunc(n, which[i] == nil)
		}
		keep(n, fmt.Sprintf("%d of %d", i+1, len(out)), func(v T) bool {
			for _, earlier := range which[:i] {
				if earlier(v) {
					return false
				}
			}
			return i == len(which) || which[i](v)
		})
		out[i] = plan.NewStream[T](n)
	}
	return out
}

// keep makes n a filter.
func keep[T any](n *plan.Node, detail string, f func(T) bool) {
	n.Detail = detail
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.Filter(n, rt, down, f)
	}
}

// Tap calls see with each record and passes it on: for logs and metrics. It is an effect outside of the
// pipeline, so that nothing is promised about it but that each record is seen at least once: owners that overlap, and
// restarts, show records again.
func Tap[T any](in Stream[T], see func(T)) Stream[T] {
	n := derive(plan.OfStream(in), plan.KindMap, "tap")
	if n == nil {
		return Stream[T]{}
	}
	requireFunc(n, see == nil)
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.Map(n, rt, down, func(v T) T {
			see(v)
			return v
		})
	}
	return plan.NewStream[T](n)
}

// Records gives up the key and the windows of a stream, for example to give it others.
func Records[K Key, T any](in Keyed[K, T]) Stream[T] {
	n := plan.OfKeyed(in)
	for n != nil && (n.Kind == plan.KindKeyBy || n.Kind == plan.KindWindow) {
		n = n.In[0]
	}
	return plan.NewStream[T](n)
}
