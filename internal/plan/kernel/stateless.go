package kernel

import (
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

// outlet hands records of type T to all consumers of a node.
type outlet[T any] struct {
	down  []plan.Consumer[T]
	batch plan.Batch[T]
}

// newOutlet asserts, once, that the consumers take records of type T.
func newOutlet[T any](n *plan.Node, down []plan.Operator) (outlet[T], error) {
	o := outlet[T]{down: make([]plan.Consumer[T], len(down))}
	for i, d := range down {
		c, ok := d.(plan.Consumer[T])
		if !ok {
			return o, fmt.Errorf("plan: %s (%s) feeds an operator that takes other records: %T", n.Label(), n.Site, d)
		}
		o.down[i] = c
	}
	return o, nil
}

func (o *outlet[T]) flush() {
	if o.batch.Len() == 0 {
		return
	}
	for _, d := range o.down {
		d.Consume(&o.batch)
	}
	o.batch.Truncate(0)
}

func (o *outlet[T]) advance(frontier int64) {
	for _, d := range o.down {
		d.Advance(frontier)
	}
}

// guard rejects the record at *at if the user's function panics. It is deferred around a run over a batch; the
// caller goes on with the record behind.
type guard struct {
	node *plan.Node
	rt   *plan.Runtime
}

func (g *guard) caught(r any, m plan.Meta) {
	g.rt.Reject(plan.Rejected{Node: g.node, Meta: m, Err: fmt.Errorf("the function of %s (%s) panicked: %v", g.node.Label(), g.node.Site, r)})
}

// broken is deferred where a lattice of the user's encodes or decodes state: a panic there is about no record, and ends the
// shard with an error.
func (g *guard) broken(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("plan: the lattice of %s (%s) panicked: %v", g.node.Label(), g.node.Site, r)
	}
}

// mapper is the kernel of Map, Filter and FlatMap: step appends what becomes of one record.
type mapper[A, B any] struct {
	guard
	step func(out *plan.Batch[B], m plan.Meta, v A)
	out  outlet[B]
}

// Map applies f to each record.
func Map[A, B any](n *plan.Node, rt *plan.Runtime, down []plan.Operator, f func(A) B) (plan.Operator, error) {
	return newMapper(n, rt, down, func(out *plan.Batch[B], m plan.Meta, v A) { out.Add(m, f(v)) })
}

// Filter keeps the records for which keep is true.
func Filter[T any](n *plan.Node, rt *plan.Runtime, down []plan.Operator, keep func(T) bool) (plan.Operator, error) {
	return newMapper(n, rt, down, func(out *plan.Batch[T], m plan.Meta, v T) {
		if keep(v) {
			out.Add(m, v)
		}
	})
}

// FlatMap yields any number of records for each. The records of one message, or about one key and window, are numbered anew.
func FlatMap[A, B any](n *plan.Node, rt *plan.Runtime, down []plan.Operator, f func(A, func(B))) (plan.Operator, error) {
	var (
		out  *plan.Batch[B]
		meta plan.Meta
		next uint32
		last plan.Meta
	)
	yield := func(v B) {
		meta.Index = next
		next++
		out.Add(meta, v)
	}
	return newMapper(n, rt, down, func(o *plan.Batch[B], m plan.Meta, v A) {
		if m.Seq != last.Seq || m.Branch != last.Branch || m.Group != last.Group {
			last, next = m, 0
		}
		out, meta = o, m
		f(v, yield)
	})
}

func newMapper[A, B any](n *plan.Node, rt *plan.Runtime, down []plan.Operator, step func(*plan.Batch[B], plan.Meta, A)) (plan.Operator, error) {
	out, err := newOutlet[B](n, down)
	return &mapper[A, B]{guard: guard{n, rt}, step: step, out: out}, err
}

func (k *mapper[A, B]) Consume(b *plan.Batch[A]) {
	for i := 0; i < b.Len(); {
		i = k.run(b, i)
		k.out.flush()
	}
}

// run goes on from the record at from until the end, a panic, or enough records to hand on: a batch of long texts may
// become thousands of times as many words. It returns where to go on.
func (k *mapper[A, B]) run(b *plan.Batch[A], from int) (next int) {
	mark := 0
	defer func() {
		if r := recover(); r != nil {
			k.out.batch.Truncate(mark) // a record is used whole or not at all
			k.caught(r, b.Meta[next])
			next++
		}
	}()
	for next = from; next < b.Len() && k.out.batch.Len() < chunk; next++ {
		mark = k.out.batch.Len()
		k.step(&k.out.batch, b.Meta[next], b.Val[next])
	}
	return next
}

func (k *mapper[A, B]) Advance(frontier int64) { k.out.advance(frontier) }
