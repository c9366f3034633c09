package operators

import (
	"reflect"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Cogroup merges, for each key and window, what liftA and liftB make of the records of two streams into one lattice. Both
// must have the same key attribute and the same windows. With a lattice that keeps the sides apart, such as [crdt.Pair], it is a
// full outer join of everything that is known about a key: lower bounds before the seal, exact behind it. The name is the
// identity of the state.
func Cogroup[K Key, A, B, L any, P crdt.Lattice[L]](name string, left Keyed[K, A], liftA func(A) L, right Keyed[K, B], liftB func(B) L) Growing[K, L] {
	n := deriveAll([]*plan.Node{plan.OfKeyed(left), plan.OfKeyed(right)}, plan.KindFold, "cogroup")
	if n == nil {
		return Growing[K, L]{}
	}
	requireFunc(n, liftA == nil || liftB == nil)
	meet(n, name, left, right, liftA, liftB)
	n.State = reflect.TypeFor[L]().String()
	physical[K, L, L, P](n, latticeCodec[L, P](), merge[L, P])
	return plan.NewGrowing[K, L](n)
}

// meet fills in what a fold of two streams has above its exchange: the halves that make contributions of type C.
func meet[K Key, A, B, C any](n *plan.Node, name string, left Keyed[K, A], right Keyed[K, B], liftA func(A) C, liftB func(B) C) {
	l, r := plan.OfKeyed(left), plan.OfKeyed(right)
	requireSameKey(n)
	n.Name, n.KeyName, n.Windowing = name, l.KeyName, l.Windowing
	n.Lift = func(rt *plan.Runtime, next plan.Inlet) (plan.Operator, error) {
		if next.Edge == 0 {
			return kernel.Lift(n, rt, next, kernel.Extract[K, A, C]{Key: keyOf[K, A](l), Value: liftA})
		}
		return kernel.Lift(n, rt, next, kernel.Extract[K, B, C]{Key: keyOf[K, B](r), Value: liftB})
	}
}

// requireSameKey records a mistake unless all inputs of a node are keyed by the same attribute in the same windows.
func requireSameKey(n *plan.Node) {
	first := n.In[0]
	for _, in := range n.In[1:] {
		if in.KeyName != first.KeyName {
			n.Graph().Fail(n.Site, "%s: its inputs are keyed by different attributes, %q and %q; key both by the same", n.Op, first.KeyName, in.KeyName)
		}
		if in.Windowing != first.Windowing {
			n.Graph().Fail(n.Site, "%s: its inputs have different windows, %s and %s; give both the same", n.Op, first.Windowing, in.Windowing)
		}
	}
}

// keyOf returns the key function of a KeyBy or Window node.
func keyOf[K Key, T any](keyed *plan.Node) func(T) K {
	key, ok := keyed.Typed.(func(T) K)
	if !ok {
		keyed.Graph().Fail(keyed.Site, "%s: the stream has no usable key function", keyed.Op)
	}
	return key
}

// merge is the folding of states whose contributions are values of their lattice.
func merge[L any, P crdt.Lattice[L]](*plan.Runtime) kernel.Folding[L, L] {
	return kernel.Folding[L, L]{
		Apply:   func(dst, v *L) bool { return P(dst).Merge(v) },
		Combine: func(dst, src *L) { P(dst).Merge(src) },
	}
}

// latticeCodec encodes contributions that are values of a lattice.
func latticeCodec[L any, P crdt.Lattice[L]]() kernel.ValueCodec[L] {
	return kernel.ValueCodec[L]{
		Append: func(b []byte, v *L) ([]byte, error) { return P(v).AppendBinary(b) },
		Decode: func(data []byte) (v L, err error) {
			err = P(&v).UnmarshalBinary(data)
			return v, err
		},
	}
}
