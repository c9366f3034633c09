package kernel

import "github.com/calmstream/calmstream/internal/plan"

// pane is the state of all keys in one window.
type pane[K plan.Key, L any] struct {
	slotMap[K, L]
	span plan.Span
}

// forget takes back the slot that was made last.
func (p *panes[K, L]) forget(w *pane[K, L]) {
	if w.pop(); len(w.slots) == 0 {
		p.remove(w)
	}
}

// sorted returns the slots in the order of their keys, which no map decides. The pane is good for nothing afterwards but to be dropped.
func (p *pane[K, L]) sorted() []slot[K, L] {
	order(p.slots, nil, (*slot[K, L]).rank)
	return p.slots
}

// byEnd ranks windows by their ends, and those of one end by their starts.
func byEnd[K plan.Key, L any](w **pane[K, L]) rank[int64] {
	return rank[int64]{first: (*w).span.End, key: (*w).span.Start}
}

// recentBits says how many panes are at hand: more than most records are in.
const recentBits = 4

// panes are the windows of one operator, found by their start.
type panes[K plan.Key, L any] struct {
	own     func(K) K // of the keys' codec
	byStart map[int64]*pane[K, L]
	// recent has panes at hand, each where its start says: a record that is in several windows needs them in turn.
	recent [1 << recentBits]*pane[K, L]
	// spare is a pane that was dropped, for the next window.
	spare *pane[K, L]
	// dropped windows since the last snapshot, and those in a snapshot that is not settled.
	dropped, taken []int64
	ranks          []rank[int64] // of order
}

func (p *panes[K, L]) at(w plan.Windowing, start int64) *pane[K, L] {
	at := &p.recent[uint64(start)*0x9e3779b97f4a7c15>>(64-recentBits)]
	if found := *at; found != nil && found.span.Start == start {
		return found
	}
	found := p.byStart[start]
	if found == nil {
		found = p.fresh(w.Span(start))
		if p.byStart == nil {
			p.byStart = make(map[int64]*pane[K, L])
		}
		p.byStart[start] = found
	}
	*at = found
	return found
}

// remove takes a window out.
func (p *panes[K, L]) remove(w *pane[K, L]) {
	delete(p.byStart, w.span.Start)
	clear(p.recent[:])
}

// closed returns the windows that the rule closes at the frontier, the earliest end first.
func (p *panes[K, L]) closed(rule plan.SealRule, frontier int64) []*pane[K, L] {
	var out []*pane[K, L]
	for _, w := range p.byStart {
		if w.span.Start != totals && rule.Closed(frontier, w.span.End) {
			out = append(out, w)
		}
	}
	p.ranks = order(out, p.ranks, byEnd)
	return out
}

func (p *panes[K, L]) drop(w *pane[K, L]) {
	p.remove(w)
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
		return &pane[K, L]{slotMap: newSlotMap[K, L](p.own), span: span}
	}
	p.spare = nil
	w.empty()
	w.span = span
	return w
}

// inOrder returns the open windows by start.
func (p *panes[K, L]) inOrder() []*pane[K, L] {
	out := make([]*pane[K, L], 0, len(p.byStart))
	for _, w := range p.byStart {
		out = append(out, w)
	}
	p.ranks = order(out, p.ranks, func(w **pane[K, L]) rank[int64] { return rank[int64]{key: (*w).span.Start} })
	return out
}
