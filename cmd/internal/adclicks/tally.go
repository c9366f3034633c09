package adclicks

import (
	"cmp"
	"slices"
	"time"
)

// Tally counts a stream of messages as it is generated, with maps and a loop and nothing of the engine. It is not safe
// for concurrent use.
type Tally struct {
	// Events counts messages that are events, Malformed those that are not, and Late the clicks that came after
	// the seal of their window. Clicks counts the others, which are in the windows.
	Events, Malformed, Late, Clicks uint64

	config  Config
	newest  []int64 // the largest event time of each partition so far
	windows map[int64]map[string]uint64
}

// NewTally returns a tally of nothing.
func NewTally(c Config) *Tally {
	c = c.withDefaults()
	return &Tally{config: c, newest: make([]int64, c.Partitions), windows: make(map[int64]map[string]uint64)}
}

// Add counts a message. Messages of a partition are to be added in the order in which they are published.
func (t *Tally) Add(m Message) {
	if m.Malformed {
		t.Malformed++
		return
	}
	t.Events++
	at, newest := m.Event.Time.UnixNano(), &t.newest[m.Partition]
	if m.Event.Kind == Click {
		size := int64(t.config.Window)
		start := at - at%size
		if *newest-int64(t.config.Lateness) >= start+size {
			t.Late++
		} else {
			t.Clicks++
			if t.windows[start] == nil {
				t.windows[start] = make(map[string]uint64)
			}
			t.windows[start][m.Event.Campaign]++
		}
	}
	*newest = max(*newest, at)
}

// Window is what was counted in one window.
type Window struct {
	// Start is when it begins, in nanoseconds since 1970.
	Start int64
	// Ranking has all its campaigns, by clicks, and by name where these are equal.
	Ranking []Ranked
}

// Time is Start as a time.
func (w Window) Time() time.Time { return time.Unix(0, w.Start).UTC() }

// Top returns the best of the ranking, as many as the pipeline reports.
func (w Window) Top() []Ranked { return w.Ranking[:min(TopK, len(w.Ranking))] }

// Hot returns the campaigns that have reached the threshold.
func (w Window) Hot(threshold uint64) (names []string) {
	for _, r := range w.Ranking {
		if r.Score >= threshold {
			names = append(names, r.Key)
		}
	}
	slices.Sort(names)
	return names
}

// Windows returns all windows with a click, in order.
func (t *Tally) Windows() []Window {
	out := make([]Window, 0, len(t.windows))
	for start, counts := range t.windows {
		w := Window{Start: start}
		for campaign, n := range counts {
			w.Ranking = append(w.Ranking, Ranked{Key: campaign, Score: n})
		}
		slices.SortFunc(w.Ranking, func(a, b Ranked) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Key, b.Key)) })
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b Window) int { return cmp.Compare(a.Start, b.Start) })
	return out
}
