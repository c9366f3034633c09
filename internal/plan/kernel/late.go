package kernel

import "github.com/calmstream/calmstream/internal/plan"

// latecomer is the kernel of Late: it yields what the lifter of a state rejects as late. Both decide by the same rule from
// what travels with the record, so that neither need ask the other.
type latecomer[T any] struct {
	windowing plan.Windowing
	rule      plan.SealRule
	out       outlet[T]
}

// Late hands on the records that are late for the state of n.Late.
func Late[T any](n *plan.Node, down []plan.Operator) (plan.Operator, error) {
	out, err := newOutlet[T](n, down)
	return &latecomer[T]{windowing: n.Late.Windowing, rule: n.Late.Rule, out: out}, err
}

func (k *latecomer[T]) Consume(b *plan.Batch[T]) {
	for i := range b.Len() {
		if k.late(&b.Meta[i]) {
			k.out.batch.Add(b.Meta[i], b.Val[i])
		}
	}
	k.out.flush()
}

// late reports whether the first window that holds the record was sealed before it came: of several, that is the first to be.
func (k *latecomer[T]) late(m *plan.Meta) bool {
	span := k.windowing.Assign(m.Time)
	for before, ok := k.windowing.Before(span, m.Time); ok; before, ok = k.windowing.Before(before, m.Time) {
		span = before
	}
	return k.rule.Closed(m.Frontier, k.windowing.Due(span))
}

func (k *latecomer[T]) Advance(frontier int64) { k.out.advance(frontier) }
