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
	// Placed is asked instead of Value if it is set: it sees the place and the time of the record too. What it returns is shared by all
	// windows of the record, so that nobody may change it. An error rejects the record.
	Placed func(m *plan.Meta, v T) (C, error)
}

// lifter is the half of a stateful operator that stands below the exchange, if there is one: it runs the user's
// functions, assigns windows and decides what is late, where the source's own frontier is known.
type lifter[K plan.Key, T, C any] struct {
	guard
	Extract[K, T, C]
	windowing plan.Windowing
	rule      plan.SealRule
	facts     bool
	text      bool // keys are strings, and may be too long
	// near is the window of the record before: of instants before until, and sealed at the frontier closing. Most records are in it too.
	near           plan.Span
	until, closing int64
	inlet          plan.Inlet
	out            outlet[plan.Contribution[K, C]]
	sampler        sampler[plan.Contribution[K, C]]
	values         *valueCheck[K, T] // nil unless the state is sealed by values of an attribute
	home           *homeCheck[K]     // nil unless the shards of the input divide the keys
}

// Lift makes contributions of records.
func Lift[K plan.Key, T, C any](n *plan.Node, rt *plan.Runtime, next plan.Inlet, e Extract[K, T, C]) (plan.Operator, error) {
	out, err := newOutlet[plan.Contribution[K, C]](n, []plan.Operator{next.To})
	if err != nil {
		return nil, err
	}
	k := &lifter[K, T, C]{guard: guard{n, rt}, Extract: e, windowing: n.Windowing, rule: n.Rule, facts: n.Derived, text: isText[K](), inlet: next, out: out}
	if next.Sample != nil {
		k.sampler, err = newSampler[plan.Contribution[K, C]](n, rt.SampleBits, next.Sample)
	}
	if err == nil && next.Apart {
		k.home, err = newHomeCheck[K](n, rt)
	}
	if err == nil && n.Rule.Attribute != "" {
		if k.values, err = newValueCheck[K, T](n, next.Edge, rt); err == nil {
			err = watchValues(n, rt, next.To)
		}
	}
	return k, err
}

func (k *lifter[K, T, C]) Consume(b *plan.Batch[T]) {
	for i := 0; i < b.Len(); {
		i = k.run(b, i)
		k.sampler.look(&k.out.batch) // before the state takes the values over
		k.out.flush()
	}
}

func (k *lifter[K, T, C]) run(b *plan.Batch[T], from int) (next int) {
	lifted := 0
	defer func() {
		k.out.batch.Fill(lifted)
		if r := recover(); r != nil {
			k.caught(r, b.Meta[next])
			next++
		}
	}()
	windows := k.windowing.Overlap() // how many hold an instant
	end := min(b.Len(), from+max(1, chunk/windows))
	metas, vals := k.out.batch.Room(windows * (end - from))
	for next = from; next < end; next++ {
		m, v, span := &b.Meta[next], b.Val[next], k.near
		if m.Time < span.Start || m.Time >= k.until || m.Frontier >= k.closing {
			var ok bool
			if span, ok = k.window(m); !ok {
				continue
			}
		}
		key := k.Key(v)
		if k.text && len(textOf(key)) > plan.MaxKeyBytes {
			k.rt.Reject(plan.Rejected{Node: k.node, Meta: *m, Err: fmt.Errorf("the key has %d bytes, more than the %d that a key may have; shorten or hash it in the key function", len(textOf(key)), plan.MaxKeyBytes)})
			continue
		}
		if k.home != nil {
			if err := k.home.check(key); err != nil {
				k.rt.Reject(plan.Rejected{Node: k.node, Meta: *m, Err: err})
				continue
			}
		}
		if k.values != nil {
			if late, err := k.values.check(key, v); err != nil {
				k.rt.Reject(plan.Rejected{Node: k.node, Meta: *m, Late: late, Err: err})
				continue
			}
		}
		var value C
		if k.Placed == nil {
			value = k.Value(v)
		} else {
			var err error
			if value, err = k.Placed(m, v); err != nil {
				k.rt.Reject(plan.Rejected{Node: k.node, Meta: *m, Err: err})
				continue
			}
		}
		metas[lifted], vals[lifted] = *m, plan.Contribution[K, C]{Key: key, Start: span.Start, Value: value}
		if windows > 1 && !k.facts {
			lifted += k.earlier(metas[lifted:], vals[lifted:], span, v)
		}
		lifted++
	}
	return next
}

// window returns the window of a record, the last one if several hold it. It is not ok if that window is sealed, and so all
// before it: then the record is late.
func (k *lifter[K, T, C]) window(m *plan.Meta) (span plan.Span, ok bool) {
	if k.facts {
		return m.Group.Window, true // facts about a window stay with it, and none is late
	}
	span = k.windowing.Assign(m.Time)
	if k.windowing.Gap == 0 {
		k.near, k.until, k.closing = span, k.windowing.Until(span), k.rule.Closing(span.End)
	}
	return span, !k.closed(m, span)
}

// earlier adds, behind the first contribution of a record, those to the windows before that hold it too. It returns
// how many; a panic in between leaves none of the record's.
func (k *lifter[K, T, C]) earlier(metas []plan.Meta, vals []plan.Contribution[K, C], span plan.Span, v T) (n int) {
	m, key := metas[0], vals[0].Key
	open := m.Time >= m.Frontier // then no window that holds it is sealed
	for before, ok := k.windowing.Before(span, m.Time); ok && (open || !k.closed(&m, before)); before, ok = k.windowing.Before(before, m.Time) {
		value := vals[0].Value
		if k.Placed == nil {
			value = k.Value(v)
		}
		n++
		metas[n], vals[n] = m, plan.Contribution[K, C]{Key: key, Start: before.Start, Value: value}
	}
	return n
}

// closed rejects the record as late if the window is sealed. Windows before it that hold the record are too: one late
// record stands for all of them.
func (k *lifter[K, T, C]) closed(m *plan.Meta, span plan.Span) bool {
	if !k.rule.Closed(m.Frontier, k.windowing.Due(span)) {
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
