package demo

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/calmstream/calmstream/cmd/internal/adclicks"
)

// alert is a campaign that has reached the threshold in a window.
type alert struct {
	result
	adclicks.Alert
}

// ranking is the best of a window.
type ranking struct {
	result
	top []adclicks.Ranked
}

// board holds every result that was read, in the order in which they came.
type board struct {
	mu       sync.Mutex
	view     view
	alerts   []alert
	rankings []ranking
	sealed   map[int64]time.Time // when the ranking of the window that starts then was stored
}

func newBoard(v view) *board { return &board{view: v, sealed: make(map[int64]time.Time)} }

func (b *board) takeAlert(r result) error {
	a := alert{result: r}
	if err := json.Unmarshal(r.payload, &a.Alert); err != nil {
		return fmt.Errorf("it is no alert: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alerts = append(b.alerts, a)
	b.view.alert(a)
	return nil
}

func (b *board) takeRanking(r result) error {
	k := ranking{result: r}
	if err := json.Unmarshal(r.payload, &k.top); err != nil {
		return fmt.Errorf("it is no ranking: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rankings = append(b.rankings, k)
	b.sealed[r.window.start.UnixNano()] = r.stored
	b.view.ranking(k)
	return nil
}

// show gives a picture the last alerts, by arrival, and the last rankings, by window, the newest first, and how many there are.
func (b *board) show(f *frame) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f.alerted, f.ranked = len(b.alerts), len(b.rankings)
	for i := len(b.alerts) - 1; i >= 0 && len(f.alerts) < alertRows; i-- {
		a := b.alerts[i]
		lead, sealed := b.lead(a)
		f.alerts = append(f.alerts, shownAlert{alert: a, lead: lead, sealed: sealed})
	}
	// The end of the input seals several windows at once, and their rankings come in any order.
	const shown = 1 + olderRows
	f.rankings = slices.Clone(b.rankings[max(0, len(b.rankings)-2*shown):])
	slices.SortStableFunc(f.rankings, func(x, y ranking) int { return y.window.start.Compare(x.window.start) })
	f.rankings = f.rankings[:min(shown, len(f.rankings))]
}

// shownAlert is an alert and how long before the final result of its window it was stored, once that is known.
type shownAlert struct {
	alert
	lead   time.Duration
	sealed bool
}

// lead returns how long before the final result of its window an alert was stored. The mutex is held.
func (b *board) lead(a alert) (lead time.Duration, sealed bool) {
	at, sealed := b.sealed[a.window.start.UnixNano()]
	return at.Sub(a.stored), sealed
}

// seen returns everything, once the watchers have ended.
func (b *board) seen() (alerts []alert, rankings []ranking, leads []time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.alerts {
		if lead, sealed := b.lead(a); sealed {
			leads = append(leads, lead)
		}
	}
	return b.alerts, b.rankings, leads
}
