package kernel

import (
	"math"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
)

// totals is the start of the pane that never closes: what each key had up to the last cut that it had records before.
const totals = math.MaxInt64 - 1

// total adds what keys had in a window to what they had before, and returns copies of what they have now.
func (k *folder[K, C, L, P]) total(m plan.Meta, slots []slot[K, L]) []slot[K, L] {
	pane := k.panes.at(k.windowing, totals)
	now := make([]slot[K, L], 0, len(slots))
	for i := range slots {
		if value, ok := k.addTotal(m, pane, &slots[i]); ok {
			now = append(now, slot[K, L]{key: slots[i].key, value: value})
		}
	}
	return now
}

// addTotal adds a slot to the totals. If the user's lattice panics there is no result of the key at this cut.
func (k *folder[K, C, L, P]) addTotal(m plan.Meta, pane *pane[K, L], s *slot[K, L]) (now L, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			m.Group = &plan.Group{Key: k.keys.Text(s.key), Window: plan.Span{Start: m.Time, End: m.Time + 1}}
			k.caught(r, m)
		}
	}()
	place, _ := pane.at(s.key)
	pane.touch(place)
	sum := &pane.slots[place]
	k.Combine(&sum.value, &s.value)
	return crdt.Clone[L, P](&sum.value), true
}

// open returns the number of windows that wait for their seal.
func (p *panes[K, L]) open() int {
	n := len(p.byStart)
	if p.byStart[totals] != nil {
		n--
	}
	return n
}
