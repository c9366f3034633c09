package kernel

import (
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

// writer is the kernel of Write: it encodes results and numbers those that are about the same thing.
type writer[T any] struct {
	guard
	encode func(T) ([]byte, error)
	last   plan.Meta
	next   uint32
}

// Write encodes each record and emits it.
func Write[T any](n *plan.Node, rt *plan.Runtime, encode func(T) ([]byte, error)) plan.Operator {
	return &writer[T]{guard: guard{n, rt}, encode: encode}
}

func (k *writer[T]) Consume(b *plan.Batch[T]) {
	for i := 0; i < b.Len(); {
		i = k.run(b, i)
	}
}

func (k *writer[T]) run(b *plan.Batch[T], from int) (next int) {
	defer func() {
		if r := recover(); r != nil {
			k.caught(r, b.Meta[next])
			next++
		}
	}()
	for next = from; next < b.Len(); next++ {
		m := b.Meta[next]
		index := k.number(m) // before the user's function, so that a failure does not renumber what follows
		payload, err := k.encode(b.Val[next])
		if err != nil {
			k.rt.Reject(plan.Rejected{Node: k.node, Meta: m, Err: fmt.Errorf("cannot encode the result: %w", err)})
			continue
		}
		k.rt.Emit(k.node, plan.Result{Meta: m, Index: index, Payload: payload})
	}
	return next
}

// number returns the ordinal of the result among those of its group, or of its message if it has no group. Both
// come in one run, which never spans a restart.
func (k *writer[T]) number(m plan.Meta) uint32 {
	if m.Group != k.last.Group || m.Branch != k.last.Branch || (m.Group == nil && m.Seq != k.last.Seq) {
		k.last, k.next = m, 0
	}
	index := k.next
	k.next++
	return index
}

func (k *writer[T]) Advance(int64) {}
