package kernel

import (
	"errors"
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

// Extract says how a record becomes a contribution to the state of a key.
type Extract[K plan.Key, T, C any] struct {
	// Key is the key function, and Value what the record contributes.
	Key   func(T) K
	Value func(T) C
}

// lifter is the half of a stateful operator that stands below the exchange, if there is one: it runs the user's
// functions, assigns windows and decides what is late, where the source's own frontier is known.
type lifter[K plan.Key, T, C any] struct {
	guard
	Extract[K, T, C]
	windowing plan.Windowing
	rule      plan.SealRule
	facts     bool
	size      func(K) int
	inlet     plan.Inlet
	out       outlet[plan.Contribution[K, C]]
}

// Lift makes contributions of records.
func Lift[K plan.Key, T, C any](n *plan.Node, rt *plan.Runtime, next plan.Inlet, e Extract[K, T, C]) (plan.Operator, error) {
	out, err := newOutlet[plan.Contribution[K, C]](n, []plan.Operator{next.To})
	return &lifter[K, T, C]{guard: guard{n, rt}, Extract: e, windowing: n.Windowing, rule: n.Rule, facts: n.Derived, size: plan.KeyCodecOf[K]().Size, inlet: next, out: out}, err
}

func (k *lifter[K, T, C]) Consume(b *plan.Batch[T]) {
	for i := 0; i < b.Len(); {
		i = k.run(b, i)
	}
	k.out.flush()
}

func (k *lifter[K, T, C]) run(b *plan.Batch[T], from int) (next int) {
	defer func() {
		if r := recover(); r != nil {
			k.caught(r, b.Meta[next])
			next++
		}
	}()
	for next = from; next < b.Len(); next++ {
		m, v := &b.Meta[next], b.Val[next]
		var span plan.Span
		if k.facts {
			span = m.Group.Window // facts about a window stay with it, and none is late
		} else if span = k.windowing.Assign(m.Time); k.rule.Closed(m.Frontier, span.End) {
			k.late(*m, span)
			continue
		}
		key := k.Key(v)
		if n := k.size(key); n > plan.MaxKeyBytes {
			k.rt.Reject(plan.Rejected{Node: k.node, Meta: *m, Err: fmt.Errorf("the key has %d bytes, more than the %d that a key may have; shorten or hash it in the key function", n, plan.MaxKeyBytes)})
			continue
		}
		k.out.batch.Add(*m, plan.Contribution[K, C]{Key: key, Start: span.Start, Value: k.Value(v)})
	}
	return next
}

var errAfterEnd = errors.New("late: the input was declared ended before this record")

func (k *lifter[K, T, C]) late(m plan.Meta, span plan.Span) {
	err := errAfterEnd
	if m.Frontier != plan.End {
		err = fmt.Errorf("late: window %s was sealed when its shard had seen event time %s (%s)", span, plan.FrontierText(m.Frontier), k.rule)
	}
	k.rt.Reject(plan.Rejected{Node: k.node, Meta: m, Late: true, Err: err})
}

func (k *lifter[K, T, C]) Advance(frontier int64) { k.inlet.Advance(frontier) }
