package kernel

import (
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

// visits are the sessions of a key that are not sealed, the earliest first; they do not touch. A key that has none stays until a
// checkpoint says so.
type visits[L any] struct {
	sessions []session[L]
	// due is not after the end of the first session; the key waits for it in the queue. It is plan.End without a session.
	due int64
}

// sessions is the kernel of folds over session windows.
type sessions[K plan.Key, C, L any, P crdt.Lattice[L]] struct {
	guard
	Folding[L, C]
	readers[K, L]
	rule   plan.SealRule
	gap    int64
	keys   plan.KeyCodec[K]
	visits slotMap[K, visits[L]]
	open   int // sessions
	queue  queue[wait]
	seq    uint64
	buf    []byte
	value  []byte    // encoded
	spots  [256]spot // of the contributions under way
	// joined, ended and one are room for what a record makes and for what closes, and rooms for the first sessions of keys to come.
	joined session[L]
	ended  []ended[K, L]
	ranks  []rank[K] // of order
	one    [1]slot[K, L]
	rooms  []session[L]
	tally  tally
}

// wait is a place in the queue of those whose sessions end. Another key may have come to it since.
type wait struct {
	due   int64
	place uint32
}

func newSessions[K plan.Key, C, L any, P crdt.Lattice[L]](n *plan.Node, rt *plan.Runtime, down []plan.Operator, f Folding[L, C]) (plan.Operator, error) {
	below, err := readersOf[K, L](n, down)
	if err != nil {
		return nil, err
	}
	k := &sessions[K, C, L, P]{
		guard: guard{n, rt}, Folding: f, readers: below, rule: n.Rule, gap: int64(n.Windowing.Gap),
		keys: plan.KeyCodecOf[K](), tally: tally{rt: rt, about: sessionsEnded(n)},
	}
	k.visits = newSlotMap[K, visits[L]](k.keys.Own)
	k.queue.less = func(a, b wait) bool { return a.due < b.due }
	rt.Register(n, k)
	return k, nil
}

func (k *sessions[K, C, L, P]) Consume(b *plan.Batch[plan.Contribution[K, C]]) {
	for from := 0; from < b.Len(); {
		end := min(from+len(k.spots), b.Len())
		find(&k.visits, b.Val[from:end], k.spots[:])
		for i := from; i < end; {
			i = k.run(b, from, i, end)
		}
		from = end
	}
	if b.Len() > 0 {
		k.seq = b.Meta[b.Len()-1].Seq
	}
	k.flushEarly()
}

// run goes on from a record until the end or a panic. The visits of the records have been looked for from first on.
func (k *sessions[K, C, L, P]) run(b *plan.Batch[plan.Contribution[K, C]], first, from, end int) (next int) {
	next = from
	defer func() {
		if r := recover(); r != nil {
			k.caught(r, b.Meta[next])
			next++
		}
	}()
	for ; next < end; next++ {
		s := k.spots[next-first]
		if s.place == nowhere {
			s.place = k.visits.seek(s.hash, b.Val[next].Key) // it may have come meanwhile
		}
		k.take(&b.Meta[next], &b.Val[next], s)
	}
	return next
}

// take applies one contribution. What it adds is computed before anything changes, so that a merge that panics costs the
// record and leaves the sessions as they were.
func (k *sessions[K, C, L, P]) take(m *plan.Meta, c *plan.Contribution[K, C], at spot) {
	var open []session[L]
	if at.place != nowhere {
		open = k.visits.slots[at.place].value.sessions
	}
	span := plan.Span{Start: c.Start, End: c.Start + k.gap}
	from, to := meeting(open, span)
	if k.Plain && to == from+1 { // the usual case, in which a state as large as a set is not to be copied for each record
		s := &open[from]
		s.span.Start, s.span.End = min(s.span.Start, c.Start), max(s.span.End, span.End)
		k.Apply(&s.value, &c.Value)
	} else {
		k.joined = session[L]{span: span}
		k.Apply(&k.joined.value, &c.Value)
		for i := from; i < to; i++ {
			k.join(&k.joined, &open[i])
		}
		if at.place == nowhere {
			at.place = k.visit(at.hash, c.Key)
		}
		v := &k.visits.slots[at.place].value
		if from == to {
			v.sessions = insertAt(v.sessions, from, k.joined)
		} else {
			v.sessions[from] = k.joined
			v.sessions = slices.Delete(v.sessions, from+1, to)
		}
		k.open += 1 - (to - from)
	}
	k.visits.touch(at.place)
	k.expect(at.place)
	k.ask(m, &k.visits.slots[at.place], from, c.Start)
}

// join makes one of two sessions.
func (k *sessions[K, C, L, P]) join(dst, src *session[L]) {
	dst.span.Start, dst.span.End = min(dst.span.Start, src.span.Start), max(dst.span.End, src.span.End)
	dst.fired |= src.fired
	k.Combine(&dst.value, &src.value)
}

// meeting returns the range of sessions that overlap a span. Mostly that is the last one, or none behind it.
func meeting[L any](open []session[L], span plan.Span) (from, to int) {
	from = len(open)
	if from > 0 && open[from-1].span.End > span.Start {
		from--
	}
	if from > 0 && open[from-1].span.End > span.Start {
		from, _ = slices.BinarySearchFunc(open, span.Start, func(s session[L], at int64) int {
			if s.span.End <= at {
				return -1
			}
			return 1
		})
	}
	for to = from; to < len(open) && open[to].span.Start < span.End; {
		to++
	}
	return from, to
}

// ask asks the thresholds that have not fired about a session. The result is about the instant of the record: sessions merge.
func (k *sessions[K, C, L, P]) ask(m *plan.Meta, v *slot[K, visits[L]], at int, instant int64) {
	for i, t := range k.thresholds {
		s := &v.value.sessions[at]
		if bit := uint8(1) << i; s.fired&bit == 0 && t.holds(&s.value) {
			s.fired |= bit
			t.fire(*m, v.key, plan.Span{Start: instant, End: instant + 1}, &s.value)
		}
	}
}

// expect puts a key into the queue, unless it waits for an instant that is early enough: that a session has grown meanwhile is
// seen when its turn comes.
func (k *sessions[K, C, L, P]) expect(place uint32) {
	v := &k.visits.slots[place].value
	if end := v.sessions[0].span.End; end < v.due {
		v.due = end
		k.queue.push(wait{end, place})
	}
}

// roomsAtOnce is for how many new keys room is made at once.
const roomsAtOnce = 64

// visit makes the visits of a key that has none.
func (k *sessions[K, C, L, P]) visit(hash uint32, key K) (place uint32) {
	place, _ = k.visits.atHash(hash, key)
	v := &k.visits.slots[place].value
	v.due = plan.End
	if cap(v.sessions) == 0 {
		if len(k.rooms) == 0 {
			k.rooms = make([]session[L], roomsAtOnce)
		}
		v.sessions, k.rooms = k.rooms[:0:1], k.rooms[1:]
	}
	return place
}

// maxRoom is for how many sessions a place keeps room.
const maxRoom = 8

// forget drops what a key has. Its place is for another one.
func (k *sessions[K, C, L, P]) forget(place uint32) {
	v := &k.visits.slots[place].value
	k.open -= len(v.sessions)
	clear(v.sessions)
	if v.sessions = v.sessions[:0]; cap(v.sessions) > maxRoom {
		v.sessions = nil
	}
	v.due = plan.End
	k.visits.remove(place)
}

// Advance closes the sessions that the rule closes.
func (k *sessions[K, C, L, P]) Advance(frontier int64) {
	k.advanceEarly(frontier)
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

// compare orders by end, then by start and by key.
func (e *ended[K, L]) rank() rank[K] {
	return rank[K]{first: e.span.End, second: e.span.Start, key: e.key}
}

// closed takes the sealed sessions out, the earliest end first, then by key.
func (k *sessions[K, C, L, P]) closed(frontier int64) (out []ended[K, L]) {
	out = k.ended[:0]
	for k.queue.len() > 0 && k.rule.Closed(frontier, k.queue.first().due) {
		w := k.queue.pop()
		at := &k.visits.slots[w.place]
		v := &at.value
		if v.due != w.due {
			continue // it waits for another instant by now
		}
		n := 0
		for n < len(v.sessions) && k.rule.Closed(frontier, v.sessions[n].span.End) {
			out = append(out, ended[K, L]{at.key, v.sessions[n].span, v.sessions[n].value})
			n++
		}
		if n > 0 {
			k.visits.touch(w.place)
			k.open -= n
		}
		v.due = plan.End
		if v.sessions = slices.Delete(v.sessions, 0, n); len(v.sessions) > 0 {
			k.expect(w.place)
		}
	}
	k.ranks = order(out, k.ranks, (*ended[K, L]).rank)
	k.ended = out
	return out
}

func (k *sessions[K, C, L, P]) Open() int { return k.open }
