package operators

import (
	"cmp"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Sealing says when a window has received all its input. The zero Sealing is refused.
type Sealing struct{ rule plan.SealRule }

// Watermark seals a window once every shard of the input has seen a record whose event time is past the end of
// the window by the lateness. A record that comes later, judged by what its own shard had seen before it, goes to
// the late stream.
func Watermark(lateness time.Duration) Sealing {
	return Sealing{plan.SealRule{Set: true, Lateness: lateness}}
}

// Punctuation seals a window once every registered producer has promised, for each shard of the input, that it has published
// all records before the end of the window, and the shard has them. The inputs must have a registry, see pipeline.Source.Producers.
// A record that comes nevertheless, judged by what its own shard had been promised before it, goes to the late stream.
func Punctuation() Sealing { return Sealing{plan.SealRule{Set: true, Punctuation: true}} }

// RecordedCut seals a window by [Cuts] or [UpToCut] once every shard of the input has come to the marker of its cut, and likewise what a
// [Lookup] or a join of tables answers at a cut. No record is late for it. What comes behind the last cut is sealed by the end of the input.
func RecordedCut() Sealing { return Sealing{plan.SealRule{Set: true, Cut: true}} }

// Keys seals each key, without any window, once the value that it has of an attribute is complete: every registered producer has
// promised, in each shard of the input, that it has published all records with the value, and the shard has them. Keys with one
// value are sealed together; a slow producer holds back what it has not promised, and nothing else. The end of the input seals
// the others. It needs inputs with a registry, see pipeline.Source.Producers, whose producers promise values by
// producer.Producer.SealKey.
//
// The attribute is that of the keys, or one that follows from them: see [Determines]. What is promised about another one says nothing of
// a key, and the plan refuses it. A record that comes nevertheless, judged by what its own shard had been promised before it, goes to the
// late stream. For that each shard of the input remembers 16 bytes of each value that is sealed, at most 1,048,576 of them.
func Keys(attribute string) Sealing {
	return Sealing{plan.SealRule{Set: true, OnlyAtEnd: true, Attribute: cmp.Or(attribute, "(none)")}} // which is refused as a name
}

// EndOfInput seals everything once every shard of the input has received its end marker.
func EndOfInput() Sealing { return Sealing{plan.SealRule{Set: true, OnlyAtEnd: true}} }

// Seal yields the states that will not change any more. It is a point of order: what lies behind it waits for the seal.
func Seal[K Key, L any](in Growing[K, L], when Sealing) Sealed[K, L] {
	n := derive(plan.OfGrowing(in), plan.KindSeal, "seal")
	if n == nil {
		return Sealed[K, L]{}
	}
	sealBy[K, L](n, when)
	return plan.NewSealed[K, L](n)
}

// sealBy fills in a seal node.
func sealBy[K Key, L any](n *plan.Node, when Sealing) {
	requireSealing(n, when)
	above := n.In[0]
	n.Rule, n.Windowing, n.KeyName, n.Detail = when.rule, above.Windowing, above.KeyName, when.rule.String()
	n.Build = func(_ *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.Seal[K, L](n, down)
	}
}

// requireSealing records a mistake unless a sealing is given.
func requireSealing(n *plan.Node, when Sealing) {
	switch {
	case !when.rule.Set:
		n.Graph().Fail(n.Site, "%s: no sealing is given; use Watermark, Punctuation, Keys or EndOfInput", n.Op)
	case when.rule.Lateness < 0:
		n.Graph().Fail(n.Site, "%s: the lateness must not be negative", n.Op)
	}
}

// SealWhen yields the state of each key and window as soon as it holds the evidence that it is complete: a manifest that
// lists what it must have, a vote of every producer, the top of the lattice. It waits for no other shard and no end of
// a window. By complete the caller says that a state in the set is all there will be: a bare count does not say so, unless no
// record can come on top. A record that changes the state afterwards is late: it goes to the late stream.
//
// States without their evidence are never handed on, nor is one that is in conflict when the evidence is there (see [crdt.Conflicter]):
// two lengths of a manifest, two elements with one number. The record that completed it goes to the dead letters with the reason, and what
// changes it afterwards to the late stream. So whoever reads what SealWhen hands on need not look for a conflict, except inside of values that do not
// say that they have one. Ask a [Threshold] with [crdt.InConflict] to be told of the keys.
//
// A state has one rule: one that SealWhen seals cannot have another [Seal].
func SealWhen[K Key, L any, P crdt.Lattice[L]](in Growing[K, L], complete crdt.UpSet[L]) Sealed[K, L] {
	n := derive(plan.OfGrowing(in), plan.KindSeal, "seal-when")
	if n == nil {
		return Sealed[K, L]{}
	}
	above := plan.OfGrowing(in)
	if above.Windowing.Gap > 0 {
		n.Graph().Fail(n.Site, "seal-when: sessions grow and merge, so that none is complete by what it holds; seal them with a Watermark")
	}
	n.Rule = plan.SealRule{Set: true, Evidence: true}
	n.Windowing, n.KeyName, n.Detail = above.Windowing, above.KeyName, complete.String()
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.SealWhen[K, L, P](n, rt, down, complete)
	}
	return plan.NewSealed[K, L](n)
}

// Finals yields each key of each sealed window with its state. From here any function may follow.
func Finals[K Key, L any](in Sealed[K, L]) Stream[Final[K, L]] {
	n := derive(plan.OfSealed(in), plan.KindFinals, "finals")
	if n == nil {
		return Stream[Final[K, L]]{}
	}
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.Map(n, rt, down, func(f Final[K, L]) Final[K, L] { return f })
	}
	return plan.NewStream[Final[K, L]](n)
}
