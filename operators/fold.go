package operators

import (
	"encoding/binary"
	"errors"
	"reflect"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Count counts the records of each key and window. The name is the identity of the state: a later version of
// the pipeline finds its state again by it.
func Count[K Key, T any](name string, in Keyed[K, T]) Growing[K, crdt.GCounter] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "count")
	if n == nil {
		return Growing[K, crdt.GCounter]{}
	}
	counter[K](n, name, func(T) uint64 { return 1 })
	return plan.NewGrowing[K, crdt.GCounter](n)
}

// Sum adds up a term of each record, for each key and window. Terms are unsigned, so that the sum only grows and a
// threshold over it can be trusted; it stays at the largest uint64 rather than wrap around.
func Sum[K Key, T any](name string, in Keyed[K, T], term func(T) uint64) Growing[K, crdt.GCounter] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "sum")
	if n == nil {
		return Growing[K, crdt.GCounter]{}
	}
	requireFunc(n, term == nil)
	counter[K](n, name, term)
	return plan.NewGrowing[K, crdt.GCounter](n)
}

// Aggregate merges, for each key and window, what lift makes of each record, into a lattice of the user's choice.
func Aggregate[K Key, T, L any, P crdt.Lattice[L]](name string, in Keyed[K, T], lift func(T) L) Growing[K, L] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "aggregate")
	if n == nil {
		return Growing[K, L]{}
	}
	requireFunc(n, lift == nil)
	fold[K, T, L, L, P](n, name, lift, latticeCodec[L, P](), merge[L, P])
	return plan.NewGrowing[K, L](n)
}

// counter makes n a fold that adds up terms. Increments are no lattice: they are counted once each because the engine
// applies each position of a log once, and stored as the shard's own entry of a counter that is one.
func counter[K Key, T any](n *plan.Node, name string, term func(T) uint64) {
	n.Counts = true
	fold[K, T, uint64, crdt.GCounter](n, name, term, terms, func(rt *plan.Runtime) kernel.Folding[crdt.GCounter, uint64] {
		origin := rt.Origin
		return kernel.Folding[crdt.GCounter, uint64]{
			Apply: func(dst *crdt.GCounter, v *uint64) bool {
				if *v == 0 {
					return false
				}
				dst.Add(origin, *v)
				return true
			},
			// Both states count other records under the same origin: they add up, where merging would take the larger.
			Combine: func(dst, src *crdt.GCounter) { dst.Add(origin, src.Value()) },
			Plain:   true,
		}
	})
}

var errTerm = errors.New("operators: malformed term")

var terms = kernel.ValueCodec[uint64]{
	Append: func(b []byte, v *uint64) ([]byte, error) { return binary.AppendUvarint(b, *v), nil },
	Decode: func(data []byte) (uint64, error) {
		v, n := binary.Uvarint(data)
		if n <= 0 || n != len(data) {
			return 0, errTerm
		}
		return v, nil
	},
}

// fold fills in the physical side of a stateful node: the half that lifts records to contributions of type C, the
// exchange between the halves, and the half that keeps the state of type L.
func fold[K Key, T, C, L any, P crdt.Lattice[L]](n *plan.Node, name string, value func(T) C, codec kernel.ValueCodec[C], apply func(*plan.Runtime) kernel.Folding[L, C]) {
	above := n.In[0]
	key := keyOf[K, T](above)
	n.Name, n.KeyName, n.Windowing = name, above.KeyName, above.Windowing
	n.State = reflect.TypeFor[L]().String()
	n.Lift = func(rt *plan.Runtime, next plan.Inlet) (plan.Operator, error) {
		return kernel.Lift(n, rt, next, kernel.Extract[K, T, C]{Key: key, Value: value})
	}
	physical[K, C, L, P](n, codec, apply)
}

// foldPlaced is fold for contributions that know the place and the time of their record.
func foldPlaced[K Key, T, C, L any, P crdt.Lattice[L]](n *plan.Node, name string, value func(*plan.Meta, T) (C, error), codec kernel.ValueCodec[C], apply func(*plan.Runtime) kernel.Folding[L, C]) {
	fold[K, T, C, L, P](n, name, nil, codec, apply)
	key := keyOf[K, T](n.In[0])
	n.Lift = func(rt *plan.Runtime, next plan.Inlet) (plan.Operator, error) {
		return kernel.Lift(n, rt, next, kernel.Extract[K, T, C]{Key: key, Placed: value})
	}
}

func physical[K Key, C, L any, P crdt.Lattice[L]](n *plan.Node, codec kernel.ValueCodec[C], apply func(*plan.Runtime) kernel.Folding[L, C]) {
	n.Plain = apply(new(plan.Runtime)).Plain
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.Fold[K, C, L, P](n, rt, down, apply(rt))
	}
	n.Send = func(rt *plan.Runtime) (plan.Operator, error) { return kernel.Send[K](n, rt, codec), nil }
	n.Receive = func(_ *plan.Runtime, next plan.Operator) (plan.Operator, error) {
		return kernel.Receive[K](n, next, codec)
	}
}
