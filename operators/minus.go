package operators

import (
	"reflect"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Minus yields, for each key and window, the elements that the left stream has and the right one has not, each once, by their order:
// set difference. An element is what leftElement and rightElement make of a record. It is the usual example of what is not monotone, since
// each element on the right takes one away; so it waits for the seal of the window, and is final then.
//
// Both streams must have the same key attribute and the same windows. The sides meet in the shard of the key, whose own seal is
// enough: no other shard of its stage is asked. The state has one entry for each element of either side. The name is its identity.
func Minus[K, E Key, A, B any](name string, left Keyed[K, A], leftElement func(A) E, right Keyed[K, B], rightElement func(B) E, when Sealing) Stream[Final[K, E]] {
	n := deriveAll([]*plan.Node{plan.OfKeyed(left), plan.OfKeyed(right)}, plan.KindFold, "minus")
	if n == nil {
		return Stream[Final[K, E]]{}
	}
	requireFunc(n, leftElement == nil || rightElement == nil)
	type state = crdt.Map[E, crdt.Max[side], *crdt.Max[side]]
	type sided = kernel.Sided[E, E]
	meet(n, name, left, right,
		func(a A) sided { return sided{A: leftElement(a)} },
		func(b B) sided { return sided{Right: true, B: rightElement(b)} })
	n.State = reflect.TypeFor[state]().String()
	codec := keysAsRecords[E]()
	physical[K, sided, state](n, kernel.SidedCodec(codec, codec), func(*plan.Runtime) kernel.Folding[state, sided] {
		return kernel.Folding[state, sided]{
			Apply: func(dst *state, c *sided) bool {
				if c.Right {
					return dst.Update(c.B, crdt.MaxOf(onRight))
				}
				return dst.Update(c.A, crdt.MaxOf(onLeft))
			},
			Combine: func(dst, src *state) { dst.Merge(src) },
		}
	})
	s := n.Graph().Add(&plan.Node{Kind: plan.KindSeal, Op: "seal", Site: n.Site, In: []*plan.Node{n}})
	sealBy[K, state](s, when)
	out := n.Graph().Add(&plan.Node{Kind: plan.KindFlatMap, Op: "on-left-only", Site: n.Site, In: []*plan.Node{s}, Keeper: n})
	out.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.FlatMap(out, rt, down, func(f Final[K, state], yield func(Final[K, E])) {
			for e, at := range f.Value.All() {
				if highest, _ := at.Value(); highest == onLeft {
					yield(Final[K, E]{Key: f.Key, Window: f.Window, Value: e})
				}
			}
		})
	}
	return plan.NewStream[Final[K, E]](out)
}

// MinusKeys yields the keys of each window that have records in the left stream and none in the right one: what was announced today and
// did not come. It waits as [Minus] does, and is final. The state has a byte or two for each key. To have the records themselves, and
// to match them by their times instead of windows, use [AntiJoin].
func MinusKeys[K Key, A, B any](name string, left Keyed[K, A], right Keyed[K, B], when Sealing) Stream[K] {
	n := deriveAll([]*plan.Node{plan.OfKeyed(left), plan.OfKeyed(right)}, plan.KindFold, "minus-keys")
	if n == nil {
		return Stream[K]{}
	}
	type state = crdt.Max[side]
	meet(n, name, left, right, func(A) state { return crdt.MaxOf(onLeft) }, func(B) state { return crdt.MaxOf(onRight) })
	n.State = reflect.TypeFor[state]().String()
	physical[K, state, state](n, latticeCodec[state](), merge[state])
	s := n.Graph().Add(&plan.Node{Kind: plan.KindSeal, Op: "seal", Site: n.Site, In: []*plan.Node{n}})
	sealBy[K, state](s, when)
	out := n.Graph().Add(&plan.Node{Kind: plan.KindFlatMap, Op: "on-left-only", Site: n.Site, In: []*plan.Node{s}, Keeper: n})
	out.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.FlatMap(out, rt, down, func(f Final[K, state], yield func(K)) {
			if highest, _ := f.Value.Value(); highest == onLeft {
				yield(f.Key)
			}
		})
	}
	return plan.NewStream[K](out)
}

// side is where something was seen. They are a chain: once seen on the right, it is in no difference, whatever else comes.
type side = uint8

const (
	onLeft side = iota + 1
	onRight
)

// keysAsRecords is the codec of records that are keys.
func keysAsRecords[E Key]() plan.Codec[E] {
	keys := plan.KeyCodecOf[E]()
	return plan.Codec[E]{
		Name:   "key",
		Append: func(b []byte, v E) ([]byte, error) { return keys.Append(b, v), nil },
		Decode: keys.Decode,
	}
}
