package kernel

import "github.com/calmstream/calmstream/internal/plan"

// union is the kernel of Union: it passes on what any of its inputs brings.
type union[T any] struct{ out outlet[T] }

// Union passes on the records of all inputs.
func Union[T any](n *plan.Node, down []plan.Operator) (plan.Operator, error) {
	out, err := newOutlet[T](n, down)
	return &union[T]{out}, err
}

func (k *union[T]) Consume(b *plan.Batch[T]) {
	for _, d := range k.out.down {
		d.Consume(b)
	}
}

func (k *union[T]) Advance(frontier int64) { k.out.advance(frontier) }

// branch is one input of a union. It marks the records, since one message may come by several ways, and what it
// becomes must not share an identity.
type branch[T any] struct {
	to     plan.Consumer[T]
	inlet  plan.Inlet
	inputs uint32
	batch  plan.Batch[T]
}

// Branch makes an input of a union.
func Branch[T any](n *plan.Node, next plan.Inlet) (plan.Operator, error) {
	out, err := newOutlet[T](n, []plan.Operator{next.To})
	if err != nil {
		return nil, err
	}
	return &branch[T]{to: out.down[0], inlet: next, inputs: uint32(len(n.In))}, nil
}

func (k *branch[T]) Consume(b *plan.Batch[T]) {
	for i := range b.Meta {
		m := b.Meta[i]
		m.Branch = m.Branch*k.inputs + uint32(k.inlet.Edge)
		k.batch.Add(m, b.Val[i])
	}
	k.to.Consume(&k.batch)
	k.batch.Truncate(0)
}

func (k *branch[T]) Advance(frontier int64) { k.inlet.Advance(frontier) }
