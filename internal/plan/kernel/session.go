package kernel

import (
	"cmp"
	"slices"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
)

// session is a run of records of one key.
type session[L any] struct {
	span  plan.Span
	value L
	// fired has one bit for each threshold that has fired for a part of it.
	fired uint8
}

// visits are the sessions of a key that are not sealed, the earliest first; they do not touch.
type visits[K plan.Key, L any] struct {
	key      K
	sessions []session[L]
	dirty    bool
	// due is not after the end of the first session; the key waits for it in the queue.
	due int64
}

// sessions is the kernel of folds over session windows.
type sessions[K plan.Key, C, L any, P crdt.Lattice[L]] struct {
	guard
	Folding[L, C]
	readers[K, L]
	rule  plan.SealRule
	gap   int64
	keys  plan.KeyCodec[K]
	byKey map[K]*visits[K, L]
	open  int // sessions
	queue queue[wait[K]]
	// dirty have changed since the last snapshot, taken are in the one that is not settled.
	dirty, taken []K
	seq          uint64
	buf          []byte
	// spare are visits without sessions, for keys to come; ended and one are room for what closes.
	spare []*visits[K, L]
	ended []ended[K, L]
	one   [1]slot[K, L]
	tally tally
}

// maxVisits bounds how many visits are kept to be used again.
const maxVisits = 1 << 12

// wait is a key in the queue of those whose sessions end.
type wait[K plan.Key] struct {
	due int64
	key K
}

func newSessions[K plan.Key, C, L any, P crdt.Lattice[L]](n *plan.Node, rt *plan.Runtime, down []plan.Operator, f Folding[L, C]) (plan.Operator, error) {
	below, err := readersOf[K, L](n, down)
	if err != nil {
		return nil, err
	}
	k := &sessions[K, C, L, P]{
		guard: guard{n, rt}, Folding: f, readers: below, rule: n.Rule, gap: int64(n.Windowing.Gap),
		keys: plan.KeyCodecOf[K](), byKey: make(map[K]*visits[K, L]),
		tally: tally{rt: rt, about: sessionsEnded(n)},
	}
	k.queue.less = func(a, b wait[K]) bool { return a.due < b.due }
	rt.Register(n, k)
	return k, nil
}

func (k *sessions[K, C, L, P]) Consume(b *plan.Batch[plan.Contribution[K, C]]) {
	for i := range b.Len() {
		k.take(&b.Meta[i], &b.Val[i])
		k.seq = b.Meta[i].Seq
	}
	for _, t := range k.thresholds {
		t.flush()
	}
}

// take applies one contribution. What it adds is computed before anything changes, so that a merge that panics costs the
// record and leaves the sessions as they were.
func (k *sessions[K, C, L, P]) take(m *plan.Meta, c *plan.Contribution[K, C]) {
	defer func() {
		if r := recover(); r != nil {
			k.caught(r, *m)
		}
	}()
	v := k.byKey[c.Key]
	var open []session[L]
	if v != nil {
		open = v.sessions
	}
	span := plan.Span{Start: c.Start, End: c.Start + k.gap}
	from, to := meeting(open, span)
	if k.Plain && to == from+1 {
		k.extend(m, v, &open[from], c)
		return
	}
	joined := session[L]{span: span}
	k.Apply(&joined.value, &c.Value)
	for i := from; i < to; i++ {
		s := &open[i]
		joined.span.Start, joined.span.End = min(joined.span.Start, s.span.Start), max(joined.span.End, s.span.End)
		joined.fired |= s.fired
		k.Combine(&joined.value, &s.value)
	}
	if v == nil {
		v = k.visit(k.keys.Own(c.Key))
	}
	v.sessions = slices.Replace(v.sessions, from, to, joined)
	k.open += 1 - (to - from)
	k.touch(v)
	k.expect(v)
	k.ask(m, v, &v.sessions[from], c.Start)
}

// extend applies a contribution to the one session that it belongs to, in place: the usual case, in which a state as large as a set
// is not to be copied for each record.
func (k *sessions[K, C, L, P]) extend(m *plan.Meta, v *visits[K, L], s *session[L], c *plan.Contribution[K, C]) {
	s.span.Start, s.span.End = min(s.span.Start, c.Start), max(s.span.End, c.Start+k.gap)
	k.Apply(&s.value, &c.Value)
	k.touch(v)
	k.expect(v)
	k.ask(m, v, s, c.Start)
}

// meeting returns the range of sessions that overlap a span.
func meeting[L any](open []session[L], span plan.Span) (from, to int) {
	from, _ = slices.BinarySearchFunc(open, span.Start, func(s session[L], at int64) int {
		if s.span.End <= at {
			return -1
		}
		return 1
	})
	for to = from; to < len(open) && open[to].span.Start < span.End; {
		to++
	}
	return from, to
}

// ask asks the thresholds that have not fired about a session. The result is about the instant of the record: sessions merge.
func (k *sessions[K, C, L, P]) ask(m *plan.Meta, v *visits[K, L], s *session[L], at int64) {
	for i, t := range k.thresholds {
		if bit := uint8(1) << i; s.fired&bit == 0 && t.holds(&s.value) {
			s.fired |= bit
			t.fire(*m, v.key, plan.Span{Start: at, End: at + 1}, &s.value)
		}
	}
}

// expect puts a key into the queue, unless it waits for an instant that is early enough: that a session has grown meanwhile is
// seen when its turn comes.
func (k *sessions[K, C, L, P]) expect(v *visits[K, L]) {
	if end := v.sessions[0].span.End; end < v.due {
		v.due = end
		k.queue.push(wait[K]{end, v.key})
	}
}

// visit makes the visits of a key that has none.
func (k *sessions[K, C, L, P]) visit(key K) (v *visits[K, L]) {
	if last := len(k.spare) - 1; last >= 0 {
		v, k.spare = k.spare[last], k.spare[:last]
	} else {
		v = new(visits[K, L])
	}
	v.key, v.due = key, plan.End
	k.byKey[key] = v
	return v
}

// forget drops what a key has.
func (k *sessions[K, C, L, P]) forget(key K) {
	v := k.byKey[key]
	if v == nil {
		return
	}
	k.open -= len(v.sessions)
	delete(k.byKey, key)
	if len(k.spare) < maxVisits && cap(v.sessions) <= 8 {
		clear(v.sessions)
		*v = visits[K, L]{sessions: v.sessions[:0]}
		k.spare = append(k.spare, v)
	}
}

func (k *sessions[K, C, L, P]) touch(v *visits[K, L]) {
	if !v.dirty {
		v.dirty = true
		k.dirty = append(k.dirty, v.key)
	}
}

// Advance closes the sessions that the rule closes.
func (k *sessions[K, C, L, P]) Advance(frontier int64) {
	for _, t := range k.thresholds {
		t.Advance(frontier)
	}
	if len(k.closers) == 0 {
		return
	}
	closed := k.closed(frontier)
	k.rt.Waited(len(closed))
	for i := range closed {
		k.certify(&closed[i])
	}
	k.certified(k.rule.After(frontier))
	for _, c := range closed {
		m := plan.Meta{Seq: k.seq, Time: c.span.End - 1, Frontier: c.span.End - 1}
		k.one[0] = slot[K, L]{key: c.key, value: c.value}
		for _, to := range k.closers {
			to.close(m, c.span, k.one[:])
		}
	}
	clear(closed)
	k.one[0] = slot[K, L]{}
	for _, c := range k.closers {
		c.Advance(k.rule.After(frontier))
	}
}

// ended is a session that is sealed.
type ended[K plan.Key, L any] struct {
	key   K
	span  plan.Span
	value L
}

// closed takes the sealed sessions out, the earliest end first, then by key.
func (k *sessions[K, C, L, P]) closed(frontier int64) (out []ended[K, L]) {
	out = k.ended[:0]
	for k.queue.len() > 0 && k.rule.Closed(frontier, k.queue.first().due) {
		w := k.queue.pop()
		v := k.byKey[w.key]
		if v == nil || v.due != w.due {
			continue // it waits for another instant by now
		}
		n := 0
		for n < len(v.sessions) && k.rule.Closed(frontier, v.sessions[n].span.End) {
			out = append(out, ended[K, L]{v.key, v.sessions[n].span, v.sessions[n].value})
			n++
		}
		if n > 0 {
			k.touch(v)
			k.open -= n
		}
		v.due = plan.End
		if v.sessions = slices.Delete(v.sessions, 0, n); len(v.sessions) == 0 {
			k.forget(v.key)
		} else {
			k.expect(v)
		}
	}
	slices.SortFunc(out, func(a, b ended[K, L]) int {
		return cmp.Or(cmp.Compare(a.span.End, b.span.End), cmp.Compare(a.span.Start, b.span.Start), cmp.Compare(a.key, b.key))
	})
	k.ended = out
	return out
}

func (k *sessions[K, C, L, P]) Open() int { return k.open }
