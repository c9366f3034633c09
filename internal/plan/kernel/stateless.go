package kernel

import (
	"fmt"
	"slices"

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

// mapper is the kernel of Map. Its records have the meta of those that they are made of, so that only the values are new.
type mapper[A, B any] struct {
	guard
	f    func(A) B
	out  outlet[B]
	vals []B
	part plan.Batch[B] // what is handed on
}

// Map applies f to each record.
func Map[A, B any](n *plan.Node, rt *plan.Runtime, down []plan.Operator, f func(A) B) (plan.Operator, error) {
	out, err := newOutlet[B](n, down)
	return &mapper[A, B]{guard: guard{n, rt}, f: f, out: out}, err
}

func (k *mapper[A, B]) Consume(b *plan.Batch[A]) {
	for i := 0; i < b.Len(); {
		from := i
		var done int // records before the end or a panic
		i, done = k.run(b, from)
		if done > from {
			k.part = plan.Batch[B]{Meta: b.Meta[from:done:done], Val: k.vals[: done-from : done-from]}
			for _, d := range k.out.down {
				d.Consume(&k.part)
			}
		}
		clear(k.vals)
	}
}

func (k *mapper[A, B]) run(b *plan.Batch[A], from int) (next, done int) {
	defer func() {
		if r := recover(); r != nil {
			k.caught(r, b.Meta[done])
			next = done + 1
		}
	}()
	in := b.Val[from:]
	k.vals = slices.Grow(k.vals[:0], len(in))[:len(in)]
	vals := k.vals
	done = from
	for i := range in {
		vals[i] = k.f(in[i])
		done++
	}
	return done, done
}

func (k *mapper[A, B]) Advance(frontier int64) { k.out.advance(frontier) }

// filter is the kernel of Filter.
type filter[T any] struct {
	guard
	keep func(T) bool
	out  outlet[T]
}

// Filter keeps the records for which keep is true.
func Filter[T any](n *plan.Node, rt *plan.Runtime, down []plan.Operator, keep func(T) bool) (plan.Operator, error) {
	out, err := newOutlet[T](n, down)
	return &filter[T]{guard: guard{n, rt}, keep: keep, out: out}, err
}

func (k *filter[T]) Consume(b *plan.Batch[T]) {
	for i := 0; i < b.Len(); {
		i = k.run(b, i)
	}
	k.out.flush()
}

func (k *filter[T]) run(b *plan.Batch[T], from int) (next int) {
	kept := 0
	defer func() {
		k.out.batch.Fill(kept)
		if r := recover(); r != nil {
			k.caught(r, b.Meta[next])
			next++
		}
	}()
	metas, vals := k.out.batch.Room(b.Len() - from)
	for next = from; next < b.Len(); next++ {
		if k.keep(b.Val[next]) {
			metas[kept], vals[kept] = b.Meta[next], b.Val[next]
			kept++
		}
	}
	return next
}

func (k *filter[T]) Advance(frontier int64) { k.out.advance(frontier) }

// flatMapper is the kernel of FlatMap: step appends what becomes of one record.
type flatMapper[A, B any] struct {
	guard
	step func(out *plan.Batch[B], m plan.Meta, v A)
	out  outlet[B]
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
	return newFlatMapper(n, rt, down, func(o *plan.Batch[B], m plan.Meta, v A) {
		if m.Seq != last.Seq || m.Branch != last.Branch || m.Group != last.Group {
			last, next = m, 0
		}
		out, meta = o, m
		f(v, yield)
	})
}

func newFlatMapper[A, B any](n *plan.Node, rt *plan.Runtime, down []plan.Operator, step func(*plan.Batch[B], plan.Meta, A)) (plan.Operator, error) {
	out, err := newOutlet[B](n, down)
	return &flatMapper[A, B]{guard: guard{n, rt}, step: step, out: out}, err
}

func (k *flatMapper[A, B]) Consume(b *plan.Batch[A]) {
	for i := 0; i < b.Len(); {
		i = k.run(b, i)
		k.out.flush()
	}
}

// run goes on from the record at from until the end, a panic, or enough records to hand on: a batch of long texts may
// become thousands of times as many words. It returns where to go on.
func (k *flatMapper[A, B]) run(b *plan.Batch[A], from int) (next int) {
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

func (k *flatMapper[A, B]) Advance(frontier int64) { k.out.advance(frontier) }
