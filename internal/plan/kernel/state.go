package kernel

import (
	"cmp"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
)

// slot is the state of one key in one window.
type slot[K plan.Key, L any] struct {
	key   K
	value L
	dirty bool
	// fired has one bit for each threshold below: whether the state is known to be above it. It follows from
	// value, so it is not stored in checkpoints.
	fired uint8
}

// pane is the state of all keys in one window.
type pane[K plan.Key, L any] struct {
	span  plan.Span
	own   func(K) K
	index map[K]uint32
	slots []slot[K, L]
	dirty []uint32 // changed since the last snapshot
	taken []uint32 // in the snapshot that is not settled yet
}

func newPane[K plan.Key, L any](span plan.Span, own func(K) K) *pane[K, L] {
	return &pane[K, L]{span: span, own: own, index: make(map[K]uint32)}
}

// at returns the slot of the key, which stays valid until the next call, and whether it was made for the call.
func (p *pane[K, L]) at(key K) (s *slot[K, L], fresh bool) {
	i, ok := p.index[key]
	if !ok {
		key = p.own(key)
		i = uint32(len(p.slots))
		p.slots = append(p.slots, slot[K, L]{key: key})
		p.index[key] = i
	}
	return &p.slots[i], !ok
}

// forget takes back the slot that at has just made.
func (p *panes[K, L]) forget(w *pane[K, L], key K) {
	last := len(w.slots) - 1
	delete(w.index, key)
	clear(w.slots[last:])
	if w.slots = w.slots[:last]; last == 0 {
		delete(p.byStart, w.span.Start)
		p.last = nil
	}
}

// touch marks the slot as changed.
func (p *pane[K, L]) touch(s *slot[K, L]) {
	if !s.dirty {
		s.dirty = true
		p.dirty = append(p.dirty, p.index[s.key])
	}
}

// take moves the changed slots into a snapshot.
func (p *pane[K, L]) take() []uint32 {
	p.taken, p.dirty = p.dirty, p.taken[:0]
	for _, i := range p.taken {
		p.slots[i].dirty = false
	}
	return p.taken
}

// settle ends the snapshot; its slots count as changed again unless it was kept.
func (p *pane[K, L]) settle(kept bool) {
	if !kept {
		for _, i := range p.taken {
			if s := &p.slots[i]; !s.dirty {
				s.dirty = true
				p.dirty = append(p.dirty, i)
			}
		}
	}
	p.taken = p.taken[:0]
}

// sorted returns the slots in the order of their keys, which no map decides. The pane is good for nothing afterwards but to be dropped.
func (p *pane[K, L]) sorted() []slot[K, L] {
	slices.SortFunc(p.slots, func(a, b slot[K, L]) int { return cmp.Compare(a.key, b.key) })
	return p.slots
}

// panes are the windows of one operator, found by their start. The last one used is at hand, since neighbours in the
// log mostly share a window.
type panes[K plan.Key, L any] struct {
	own     func(K) K // of the keys' codec
	byStart map[int64]*pane[K, L]
	last    *pane[K, L]
	// spare is a pane that was dropped, for the next window.
	spare *pane[K, L]
	// dropped windows since the last snapshot, and those in a snapshot that is not settled.
	dropped, taken []int64
}

func (p *panes[K, L]) at(w plan.Windowing, start int64) *pane[K, L] {
	if p.last != nil && p.last.span.Start == start {
		return p.last
	}
	found := p.byStart[start]
	if found == nil {
		found = p.fresh(w.Span(start))
		if p.byStart == nil {
			p.byStart = make(map[int64]*pane[K, L])
		}
		p.byStart[start] = found
	}
	p.last = found
	return found
}

// closed returns the windows that the rule closes at the frontier, the earliest end first.
func (p *panes[K, L]) closed(rule plan.SealRule, frontier int64) []*pane[K, L] {
	var out []*pane[K, L]
	for _, w := range p.byStart {
		if w.span.Start != totals && rule.Closed(frontier, w.span.End) {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b *pane[K, L]) int {
		return cmp.Or(cmp.Compare(a.span.End, b.span.End), cmp.Compare(a.span.Start, b.span.Start))
	})
	return out
}

func (p *panes[K, L]) drop(w *pane[K, L]) {
	delete(p.byStart, w.span.Start)
	p.last = nil
	p.dropped = append(p.dropped, w.span.Start)
	if len(w.slots) <= maxSpare {
		p.spare = w
	}
}

// maxSpare is how many keys a pane may have had to be used again: a window takes the memory of one that has closed, as long as that is
// not much to hold on to.
const maxSpare = 1 << 14

// fresh returns an empty pane, in the memory of one that was dropped if there is one.
func (p *panes[K, L]) fresh(span plan.Span) *pane[K, L] {
	w := p.spare
	if w == nil {
		return newPane[K, L](span, p.own)
	}
	p.spare = nil
	clear(w.slots)
	clear(w.index)
	w.span, w.slots, w.dirty, w.taken = span, w.slots[:0], w.dirty[:0], w.taken[:0]
	return w
}

// inOrder returns the open windows by start.
func (p *panes[K, L]) inOrder() []*pane[K, L] {
	out := make([]*pane[K, L], 0, len(p.byStart))
	for _, w := range p.byStart {
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b *pane[K, L]) int { return cmp.Compare(a.span.Start, b.span.Start) })
	return out
}
