package kernel

import (
	"bytes"
	"errors"

	"github.com/calmstream/calmstream/internal/plan"
)

// Enriching says what becomes of a record and the entry of its key.
type Enriching[A, B, C any] struct {
	// KeepMissing says whether a record is handed on whose key has no entry; then the rule of the node says when that is known, and an
	// entry counts for the records at its own time and later. AnyTime says that it counts for all.
	KeepMissing, AnyTime bool
	// Pair makes a result; the second is nil where there is no entry.
	Pair func(*A, *B) C
	A    plan.Codec[A]
	B    plan.Codec[B]
}

// enricher is the kernel of Enrich: each key of the table is written once, so that a record and the entry of its key belong together
// whenever they meet, and for good. A record waits only if it comes before its entry.
type enricher[K plan.Key, A, B, C any] struct {
	guard
	Enriching[A, B, C]
	keys    plan.KeyCodec[K]
	entries slotMap[K, written[B]] // of the table
	parked  map[K][]*parked[K, A]
	serial  uint64
	// held are the parked records by their frontiers, and such as are no more; with KeepMissing they are by time and key.
	held queue[*parked[K, A]]
	// rule, passed and groups are for KeepMissing: passed is the instant before which each record was handed on.
	rule   plan.SealRule
	passed int64
	groups groups
	out    outlet[C]
	// last and index number the results of a message.
	last  plan.Meta
	index uint32
	// The records that came since the last snapshot, and those in one that is not settled.
	newParked, takenParked []*parked[K, A]
	restored               map[uint64]bool
	buf                    []byte
	two                    [2][]byte
	spots                  [256]spot // of the records under way
}

// written is an entry of the table.
type written[B any] struct {
	// from is the time from which on it counts.
	from  int64
	value B
}

// parked is a record whose key has no entry yet that counts for it.
type parked[K plan.Key, A any] struct {
	serial         uint64
	key            K
	time, frontier int64
	value          A
	// gone says that its entry has come, or that it was handed on without one.
	gone bool
}

func (e *parked[K, A]) before(f *parked[K, A]) bool {
	return e.frontier < f.frontier || e.frontier == f.frontier && e.serial < f.serial
}

// Enrich pairs the records of the left side with the entries of the right side.
func Enrich[K plan.Key, A, B, C any](n *plan.Node, rt *plan.Runtime, down []plan.Operator, e Enriching[A, B, C]) (plan.Operator, error) {
	out, err := newOutlet[C](n, down)
	if err != nil {
		return nil, err
	}
	k := &enricher[K, A, B, C]{
		guard: guard{n, rt}, Enriching: e, keys: plan.KeyCodecOf[K](), out: out,
		parked: make(map[K][]*parked[K, A]),
	}
	k.entries = newSlotMap[K, written[B]](k.keys.Own)
	k.held.less = (*parked[K, A]).before
	if e.KeepMissing {
		k.held.less, k.rule, k.passed = (*parked[K, A]).earlier, n.Rule, plan.Beginning
	}
	rt.Register(n, k)
	return k, nil
}

func (k *enricher[K, A, B, C]) Consume(b *plan.Batch[plan.Contribution[K, Sided[A, B]]]) {
	k.restored = nil
	for from := 0; from < b.Len(); {
		end := min(from+len(k.spots), b.Len())
		find(&k.entries, b.Val[from:end], k.spots[:])
		for i := from; i < end; {
			i = k.run(b, from, i, end)
		}
		from = end
	}
	k.out.flush()
}

// run goes on from a record until the end, or until a function of the user's panics. The entries have been looked for from first on.
func (k *enricher[K, A, B, C]) run(b *plan.Batch[plan.Contribution[K, Sided[A, B]]], first, from, end int) (next int) {
	next = from
	defer func() {
		if r := recover(); r != nil {
			k.caught(r, b.Meta[next])
			next++
		}
	}()
	for ; next < end; next++ {
		m, c, at := &b.Meta[next], &b.Val[next], k.spots[next-first]
		if at.place == nowhere {
			at.place = k.entries.seek(at.hash, c.Key) // it may have come meanwhile
		}
		if c.Value.Right {
			k.write(m, c.Key, at, k.from(m.Time), &c.Value.B)
		} else if e := k.entry(at.place); e != nil && e.from <= k.from(m.Time) {
			k.out.batch.Add(k.number(m, m.Time, m.Frontier), k.Pair(&c.Value.A, &e.value))
		} else {
			k.park(m, c.Key, c.Value.A)
		}
		if k.out.batch.Len() >= chunk {
			k.out.flush()
		}
	}
	return next
}

// number makes the meta of a result that a message led to, about a record with the given times.
func (k *enricher[K, A, B, C]) number(m *plan.Meta, time, frontier int64) plan.Meta {
	if k.KeepMissing {
		frontier = time // it is not late below: it was not in its own shard, and what is behind it waits for the rule
	}
	if m.Seq != k.last.Seq || m.Branch != k.last.Branch {
		k.last, k.index = *m, 0
	}
	out := plan.Meta{Seq: m.Seq, Branch: m.Branch, Index: k.index, Time: time, Frontier: frontier}
	k.index++
	return out
}

func (k *enricher[K, A, B, C]) park(m *plan.Meta, key K, v A) {
	k.serial++
	key = k.keys.Own(key)
	k.newParked = append(k.newParked, k.keep(&parked[K, A]{serial: k.serial, key: key, time: m.Time, frontier: m.Frontier, value: v}))
}

func (k *enricher[K, A, B, C]) keep(e *parked[K, A]) *parked[K, A] {
	all := k.parked[e.key]
	i := len(all) // the usual case; from a checkpoint they come in any order
	for i > 0 && all[i-1].serial > e.serial {
		i--
	}
	k.parked[e.key] = insertAt(all, i, e)
	if !k.KeepMissing || !k.AnyTime {
		k.held.push(e)
	}
	return e
}

// write writes an entry, and answers the records that waited for it. A second entry of a key, unless it is the same again, breaks
// the rule that the table keeps, and is no more than reported.
func (k *enricher[K, A, B, C]) write(m *plan.Meta, key K, at spot, from int64, v *B) {
	e := k.entry(at.place)
	switch {
	case e == nil:
		at.place = k.entries.add(at.hash, k.keys.Own(key))
		e = k.entry(at.place)
		e.value = *v
	case !k.same(&e.value, v):
		k.rt.Reject(plan.Rejected{Node: k.node, Meta: *m, Err: errWritten})
		return
	case from >= e.from:
		return
	}
	e.from = from
	k.entries.touch(at.place)
	for _, waiting := range k.unpark(key, from) {
		k.answer(m, waiting, &e.value)
	}
}

var errWritten = errors.New("the key has another entry already: each key of a table for operators.Enrich is written once; look a table that changes up with operators.Lookup")

func (k *enricher[K, A, B, C]) same(a, b *B) bool {
	var errA, errB error
	k.two[0], errA = k.B.Append(k.two[0][:0], *a)
	k.two[1], errB = k.B.Append(k.two[1][:0], *b)
	return errA == nil && errB == nil && bytes.Equal(k.two[0], k.two[1])
}

// entry returns the entry at a place of the table, nil if it is nowhere. It is good until the next one is written.
func (k *enricher[K, A, B, C]) entry(place uint32) *written[B] {
	if place == nowhere {
		return nil
	}
	return &k.entries.slots[place].value
}

// unpark takes the records of a key out for which an entry counts from an instant on, in the order in which they came.
func (k *enricher[K, A, B, C]) unpark(key K, from int64) (out []*parked[K, A]) {
	all := k.parked[key]
	if !k.KeepMissing {
		delete(k.parked, key)
		for _, e := range all {
			e.gone = true
		}
		return all
	}
	stay := all[:0]
	for _, e := range all {
		switch {
		case e.gone:
		case from > k.from(e.time):
			stay = append(stay, e)
		default:
			e.gone = true
			out = append(out, e)
		}
	}
	if clear(all[len(stay):]); len(stay) > 0 {
		k.parked[key] = stay
	} else {
		delete(k.parked, key)
	}
	return out
}

// answer adds the result of a record that waited, unless the user's function panics.
func (k *enricher[K, A, B, C]) answer(m *plan.Meta, waiting *parked[K, A], entry *B) {
	out := k.number(m, waiting.time, waiting.frontier)
	defer func() {
		if r := recover(); r != nil {
			k.caught(r, out)
		}
	}()
	k.out.batch.Add(out, k.Pair(&waiting.value, entry))
	var none A
	waiting.value = none // it may stay in the queue for a while
}

// Advance passes on how far the stream is. Below, a record that is parked must not be late when it comes; so everything waits there, as
// far as it waits for time, until the entry has come.
func (k *enricher[K, A, B, C]) Advance(frontier int64) {
	if k.KeepMissing {
		k.advance(frontier)
		return
	}
	for k.held.len() > 0 && k.held.first().gone {
		k.held.pop()
	}
	if k.held.len() > 0 && frontier != plan.End { // at the end no entry comes any more
		frontier = min(frontier, k.held.first().frontier)
	}
	k.out.advance(frontier)
}

func (k *enricher[K, A, B, C]) Open() (n int) {
	for _, all := range k.parked {
		for _, e := range all {
			if !e.gone {
				n++
			}
		}
	}
	return n
}
