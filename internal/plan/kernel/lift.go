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
	mark := 0
	defer func() {
		if r := recover(); r != nil {
			k.out.batch.Truncate(mark) // a record is used whole or not at all
			k.caught(r, b.Meta[next])
			next++
		}
	}()
	for next = from; next < b.Len(); next++ {
		mark = k.out.batch.Len()
		k.lift(&b.Meta[next], b.Val[next])
	}
	return next
}

// lift adds the contributions of one record: one for each window that holds it and is not sealed.
func (k *lifter[K, T, C]) lift(m *plan.Meta, v T) {
	var span plan.Span
	if k.facts {
		span = m.Group.Window // facts about a window stay with it, and none is late
	} else {
		span = k.windowing.Assign(m.Time)
	}
	if !k.facts && k.closed(m, span) {
		return // it is late for this window, and so for all before it
	}
	key := k.Key(v)
	if n := k.size(key); n > plan.MaxKeyBytes {
		k.rt.Reject(plan.Rejected{Node: k.node, Meta: *m, Err: fmt.Errorf("the key has %d bytes, more than the %d that a key may have; shorten or hash it in the key function", n, plan.MaxKeyBytes)})
		return
	}
	k.out.batch.Add(*m, plan.Contribution[K, C]{Key: key, Start: span.Start, Value: k.Value(v)})
	for before, ok := k.windowing.Before(span, m.Time); ok && !k.facts; before, ok = k.windowing.Before(before, m.Time) {
		if k.closed(m, before) {
			return
		}
		k.out.batch.Add(*m, plan.Contribution[K, C]{Key: key, Start: before.Start, Value: k.Value(v)})
	}
}

// closed rejects the record as late if the window is sealed. Windows before it that hold the record are too: the late
// record stands for all of them.
func (k *lifter[K, T, C]) closed(m *plan.Meta, span plan.Span) bool {
	if !k.rule.Closed(m.Frontier, span.End) {
		return false
	}
	k.late(*m, span)
	return true
}

var errAfterEnd = errors.New("late: the input was declared ended before this record")

func (k *lifter[K, T, C]) late(m plan.Meta, span plan.Span) {
	err := errAfterEnd
	if m.Frontier != plan.End {
		earlier := ""
		if _, more := k.windowing.Before(span, m.Time); more {
			earlier = " and those before it"
		}
		err = fmt.Errorf("late: window %s%s was sealed when its shard had seen event time %s (%s)", span, earlier, plan.FrontierText(m.Frontier), k.rule)
	}
	k.rt.Reject(plan.Rejected{Node: k.node, Meta: m, Late: true, Err: err})
}

func (k *lifter[K, T, C]) Advance(frontier int64) { k.inlet.Advance(frontier) }
