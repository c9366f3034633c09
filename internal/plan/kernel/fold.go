package kernel

import (
	"errors"
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
)

// threshold is what a fold sees of a Threshold below it.
type threshold[K plan.Key, L any] interface {
	plan.Operator
	holds(value *L) bool
	fire(m plan.Meta, key K, span plan.Span, value *L)
	flush()
	// seals reports whether what fires is sealed: a record that changes the state later is late.
	seals() bool
}

// closer is what a fold sees of a Seal below it.
type closer[K plan.Key, L any] interface {
	plan.Operator
	close(m plan.Meta, span plan.Span, slots []slot[K, L])
	// waits reports whether results waited for the window to close.
	waits() bool
}

// maxThresholds is how many bits slot.fired has.
const maxThresholds = 8

// folder keeps the state of a stateful operator: it applies contributions, asks the thresholds, and hands windows to the
// seals when they close.
type folder[K plan.Key, C, L any, P crdt.Lattice[L]] struct {
	guard
	Folding[L, C]
	readers[K, L]
	windowing plan.Windowing
	overlap   int // how many windows hold an instant
	rule      plan.SealRule
	keys      plan.KeyCodec[K]
	panes     panes[K, L]
	seq       uint64
	buf       []byte
	spots     [256]spot // of the contributions under way
}

// Folding says how contributions of type C become a state of type L.
type Folding[L, C any] struct {
	// Apply joins a contribution into the state and reports growth.
	Apply func(dst *L, c *C) bool
	// Combine joins the states of two sessions of a key that have turned out to be one.
	Combine func(dst, src *L)
	// Plain says that neither runs a function of the user, so that neither can fail half way.
	Plain bool
}

// readers are what stands below a fold.
type readers[K plan.Key, L any] struct {
	thresholds []threshold[K, L]
	closers    []closer[K, L]
	risers     []riser[K, L]
	// levels are the steps that the state was on before the record under way, one for each riser.
	levels []uint64
	// sealing has the bits of the thresholds that seal.
	sealing uint8
	// waiting says that results wait for windows to close.
	waiting bool
}

func readersOf[K plan.Key, L any](n *plan.Node, down []plan.Operator) (r readers[K, L], err error) {
	for _, d := range down {
		switch d := d.(type) {
		case threshold[K, L]:
			if d.seals() && len(r.thresholds) < maxThresholds {
				r.sealing |= 1 << len(r.thresholds)
			}
			r.thresholds = append(r.thresholds, d)
		case closer[K, L]:
			r.closers = append(r.closers, d)
			r.waiting = r.waiting || d.waits()
		case riser[K, L]:
			r.risers, r.levels = append(r.risers, d), append(r.levels, 0)
		default:
			return r, fmt.Errorf("plan: %s (%s) feeds an operator that takes no growing state: %T", n.Label(), n.Site, d)
		}
	}
	if len(r.thresholds) > maxThresholds {
		return r, fmt.Errorf("plan: %s (%s) feeds %d thresholds, more than the %d that one state can have; split them over two aggregates", n.Label(), n.Site, len(r.thresholds), maxThresholds)
	}
	return r, nil
}

// known returns which thresholds a restored state is above. One that panics had not fired for that state before.
func (r *readers[K, L]) known(value *L) (fired uint8) {
	for i, t := range r.thresholds {
		if known(t, value) {
			fired |= 1 << i
		}
	}
	return fired
}

// Fold keeps a state of type L for each key and window.
func Fold[K plan.Key, C, L any, P crdt.Lattice[L]](n *plan.Node, rt *plan.Runtime, down []plan.Operator, f Folding[L, C]) (plan.Operator, error) {
	if n.Rule.Attribute != "" {
		return newValued[K, C, L, P](n, rt, down, f)
	}
	if n.Windowing.Gap > 0 {
		return newSessions[K, C, L, P](n, rt, down, f)
	}
	below, err := readersOf[K, L](n, down)
	if err != nil {
		return nil, err
	}
	k := &folder[K, C, L, P]{guard: guard{n, rt}, Folding: f, readers: below, windowing: n.Windowing, overlap: n.Windowing.Overlap(), rule: n.Rule, keys: plan.KeyCodecOf[K]()}
	k.panes.own = k.keys.Own
	rt.Register(n, k)
	return k, nil
}

func (k *folder[K, C, L, P]) Consume(b *plan.Batch[plan.Contribution[K, C]]) {
	for from := 0; from < b.Len(); {
		end := min(from+len(k.spots), b.Len())
		k.find(b.Val[from:end])
		for i, ask := from, unapplied; i < end; {
			i, ask = k.run(b, from, i, end, ask)
		}
		from = end
	}
	if b.Len() > 0 {
		k.seq = b.Meta[b.Len()-1].Seq
		k.passed(k.seq)
	}
	k.flushEarly()
}

// find looks for the slots of some contributions. A key that has none yet gets one only when its turn comes.
func (k *folder[K, C, L, P]) find(vals []plan.Contribution[K, C]) {
	if k.overlap > 1 {
		k.findEach(vals)
		return
	}
	for from, i := 0, 1; from < len(vals); i++ {
		if i < len(vals) && vals[i].Start == vals[from].Start {
			continue
		}
		find(&k.panes.at(k.windowing, vals[from].Start).slotMap, vals[from:i], k.spots[from:i])
		from = i
	}
}

// findEach is find where a record contributes to several windows, one behind the other.
func (k *folder[K, C, L, P]) findEach(vals []plan.Contribution[K, C]) {
	var hash uint32
	for i := range vals {
		c := &vals[i]
		pane := k.panes.at(k.windowing, c.Start)
		if i == 0 || c.Key != vals[i-1].Key {
			hash = pane.hash(c.Key)
		}
		k.spots[i] = spot{hash, pane.seek(hash, c.Key)}
	}
}

// unapplied stands for the number of a threshold while the contribution has not been applied.
const unapplied = -1

// run goes on from a record, or among the thresholds of a record that has been applied, until the end or a panic. It
// returns where to go on. The slots of the records have been looked for from first on.
func (k *folder[K, C, L, P]) run(b *plan.Batch[plan.Contribution[K, C]], first, from, end, ask int) (next, asked int) {
	var fresh bool
	next, asked = from, ask
	defer func() {
		if r := recover(); r != nil {
			k.caught(r, b.Meta[next])
			next, asked = k.behind(&b.Val[next], next, asked, fresh)
		}
	}()
	pane := k.panes.at(k.windowing, b.Val[next].Start)
	for ; next < end; next++ {
		c, place := &b.Val[next], k.spots[next-first].place
		if c.Start != pane.span.Start {
			pane = k.panes.at(k.windowing, c.Start)
		}
		if fresh = false; place == nowhere {
			place, fresh = k.place(pane, b.Val[next:end], k.spots[next-first:])
		}
		s := &pane.slots[place]
		if asked == unapplied {
			k.before(&s.value)
			if grew := k.Apply(&s.value, &c.Value); !grew && !fresh {
				continue // a key that is new is a change, even if it adds nothing: it will have a result
			}
			pane.touch(place)
			if asked = 0; s.fired&k.sealing != 0 {
				k.late(b.Meta[next])
			}
		}
		for ; asked < len(k.thresholds); asked++ {
			if t, bit := k.thresholds[asked], uint8(1)<<asked; s.fired&bit == 0 && t.holds(&s.value) {
				s.fired |= bit
				t.fire(b.Meta[next], c.Key, pane.span, &s.value)
			}
		}
		for ; asked < k.asks(); asked++ {
			k.ask(asked, b.Meta[next], c.Key, pane.span, &s.value)
		}
		asked = unapplied
	}
	return next, asked
}

// place returns the place of the first of some contributions, and whether it was made for the call. If the same record has the key in
// another window too, which comes next, both share it.
func (k *folder[K, C, L, P]) place(pane *pane[K, L], vals []plan.Contribution[K, C], spots []spot) (place uint32, fresh bool) {
	key, hash := vals[0].Key, spots[0].hash
	if place = pane.seek(hash, key); place != nowhere {
		return place, false // it came among the contributions that were looked for together
	}
	if k.overlap > 1 && len(vals) > 1 && spots[1].place != nowhere && vals[1].Key == key {
		key = k.panes.at(k.windowing, vals[1].Start).slots[spots[1].place].key
	} else {
		key = k.keys.Own(key)
	}
	return pane.add(hash, key), true
}

// late rejects a record that changed a state after its evidence said that it was complete, whether it was handed on or in conflict.
func (g *guard) late(m plan.Meta) {
	g.rt.Reject(plan.Rejected{Node: g.node, Meta: m, Late: true, Err: errAfterEvidence})
}

var errAfterEvidence = errors.New("late: the state was complete by its own evidence before this record changed it")

// behind returns where to go on after a panic. A threshold that panics is asked again when the state has grown; the
// others are asked now. A merge that panics may have changed the state half way: that is part of it from here on, for
// every owner and after every restart. A key that is new is forgotten: it has no record yet.
func (k *folder[K, C, L, P]) behind(c *plan.Contribution[K, C], next, asked int, fresh bool) (int, int) {
	if asked != unapplied {
		return next, asked + 1
	}
	pane := k.panes.at(k.windowing, c.Start)
	if fresh {
		k.panes.forget(pane)
		return next + 1, unapplied
	}
	place, _ := pane.at(c.Key)
	pane.touch(place)
	return next, 0
}

// Advance closes the windows that the rule closes. The frontier that it passes on is that of what lies behind a seal for
// the seals, and its own for the thresholds.
func (k *folder[K, C, L, P]) Advance(frontier int64) {
	k.advanceEarly(frontier)
	if len(k.closers) == 0 {
		return
	}
	after := k.rule.After(frontier)
	closed := k.panes.closed(k.rule, frontier)
	if k.waiting {
		k.rt.Waited(len(closed))
	}
	for _, w := range closed {
		if !k.waiting { // what closes without a result is no seal
			k.panes.drop(w)
			continue
		}
		slots := w.sorted()
		// Facts come in the order of their windows, each at the last instant of its own. So they are never late behind the seal,
		// where nothing beyond the windows closed before counts as seen; how far this frontier jumped depends on batches.
		m := plan.Meta{Seq: k.seq, Time: w.span.End - 1, Frontier: w.span.End - 1}
		if k.windowing.Total {
			slots = k.total(m, slots)
		}
		k.certify(w.span, slots)
		for _, c := range k.closers {
			c.close(m, w.span, slots)
		}
		k.panes.drop(w)
	}
	for _, c := range k.closers {
		c.Advance(after)
	}
}

func (k *folder[K, C, L, P]) Open() int {
	if !k.waiting && len(k.closers) > 0 {
		return 0 // its windows are only to be forgotten
	}
	return k.panes.open()
}
