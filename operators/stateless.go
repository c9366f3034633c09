package operators

import (
	"iter"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Map yields f of each record.
func Map[A, B any](in Stream[A], f func(A) B) Stream[B] {
	n := derive(plan.OfStream(in), plan.KindMap, "map")
	if n == nil {
		return Stream[B]{}
	}
	requireFunc(n, f == nil)
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) { return kernel.Map(n, rt, down, f) }
	return plan.NewStream[B](n)
}

// Filter yields the records for which keep is true.
func Filter[T any](in Stream[T], keep func(T) bool) Stream[T] {
	n := derive(plan.OfStream(in), plan.KindFilter, "filter")
	if n == nil {
		return Stream[T]{}
	}
	requireFunc(n, keep == nil)
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.Filter(n, rt, down, keep)
	}
	return plan.NewStream[T](n)
}

// FlatMap yields, for each record, the values of the sequence f makes of it; a nil sequence is empty. Functions such as
// strings.FieldsSeq fit as they are.
func FlatMap[A, B any](in Stream[A], f func(A) iter.Seq[B]) Stream[B] {
	n := derive(plan.OfStream(in), plan.KindFlatMap, "flat-map")
	if n == nil {
		return Stream[B]{}
	}
	requireFunc(n, f == nil)
	each := func(v A, yield func(B)) {
		if seq := f(v); seq != nil {
			for w := range seq {
				yield(w)
			}
		}
	}
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.FlatMap(n, rt, down, each)
	}
	return plan.NewStream[B](n)
}

// KeyBy gives each record a key. The name is that of the attribute, for example "campaign": the plan, its partitions and
// its seals speak of attributes by name.
func KeyBy[K Key, T any](in Stream[T], name string, key func(T) K) Keyed[K, T] {
	n := derive(plan.OfStream(in), plan.KindKeyBy, "key-by")
	if n == nil {
		return Keyed[K, T]{}
	}
	requireFunc(n, key == nil)
	n.Name, n.KeyName, n.Typed = name, name, key
	return plan.NewKeyed[K, T](n)
}

// derive adds a node below in, at the call site of the exported function that calls it. It returns nil for a zero handle: the
// mistake is reported where the result is used.
func derive(in *plan.Node, kind plan.Kind, op string) *plan.Node {
	if in == nil {
		return nil
	}
	return in.Graph().Add(&plan.Node{Kind: kind, Op: op, Site: plan.Site(2), In: []*plan.Node{in}})
}

func requireFunc(n *plan.Node, missing bool) {
	if missing {
		n.Graph().Fail(n.Site, "%s: the function is nil", n.Op)
	}
}
