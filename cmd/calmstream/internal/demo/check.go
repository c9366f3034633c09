package demo

import (
	"fmt"
	"maps"
	"slices"

	"github.com/calmstream/calmstream/cmd/internal/adclicks"
	"github.com/calmstream/calmstream/crdt"
)

// check compares everything that the pipeline has said with the tally. The error tells the first difference and how many
// there are.
func check(t *adclicks.Tally, c adclicks.Config, alerts []alert, rankings []ranking, s status) error {
	var wrong differences
	windows := make(map[int64]adclicks.Window)
	for _, w := range t.Windows() {
		windows[w.Start] = w
	}
	wrong.rankings(windows, rankings)
	wrong.alerts(windows, c.AlertAt, alerts)
	if s.late != t.Late {
		wrong.add("%s went to the late stream, but an independent count says %s", plural(s.late, "click"), number(t.Late))
	}
	if s.dead != t.Malformed {
		wrong.add("there are %s, but %s were malformed", plural(s.dead, "dead letter"), plural(t.Malformed, "message"))
	}
	switch len(wrong) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("the results are wrong: %s", wrong[0])
	}
	return fmt.Errorf("the results are wrong in %d places; the first: %s", len(wrong), wrong[0])
}

// differences are sentences without an end.
type differences []string

func (d *differences) add(format string, args ...any) { *d = append(*d, fmt.Sprintf(format, args...)) }

// rankings holds each window to exactly one ranking, the right one.
func (d *differences) rankings(windows map[int64]adclicks.Window, rankings []ranking) {
	missing := maps.Clone(windows)
	for _, r := range rankings {
		start := r.window.start.UnixNano()
		want, known := windows[start]
		_, first := missing[start]
		delete(missing, start)
		switch {
		case r.verdict != crdt.Final.String():
			d.add("the ranking of window %s has the verdict %q", r.window, r.verdict)
		case !known:
			d.add("window %s is ranked as %s, but an independent count has no click in it", r.window, rankingText(r.top))
		case !first:
			d.add("window %s is ranked twice", r.window)
		case !slices.Equal(r.top, want.Top()):
			d.add("window %s is ranked as %s, but an independent count says %s", r.window, rankingText(r.top), rankingText(want.Top()))
		}
	}
	for _, start := range slices.Sorted(maps.Keys(missing)) {
		d.add("the window that begins at %s has no ranking", missing[start].Time().Local().Format("15:04:05"))
	}
}

// alerts holds each campaign that has reached the threshold in a window to exactly one alert, and allows no others.
func (d *differences) alerts(windows map[int64]adclicks.Window, threshold uint64, alerts []alert) {
	missing := make(map[int64][]string)
	for start, w := range windows {
		missing[start] = w.Hot(threshold)
	}
	for _, a := range alerts {
		start := a.window.start.UnixNano()
		i := slices.Index(missing[start], a.Campaign)
		switch {
		case a.verdict != crdt.Stable.String():
			d.add("the alert about %s in window %s has the verdict %q", a.Campaign, a.window, a.verdict)
		case a.key != a.Campaign || a.AtLeast != threshold:
			d.add("the alert about %s in window %s says %s for the key %s", a.Campaign, a.window, number(a.AtLeast), a.key)
		case i < 0:
			d.add("there is an alert too many about %s in window %s", a.Campaign, a.window)
		}
		if i >= 0 {
			missing[start] = slices.Delete(missing[start], i, i+1)
		}
	}
	for _, start := range slices.Sorted(maps.Keys(missing)) {
		for _, campaign := range missing[start] {
			d.add("%s reached the threshold in the window that begins at %s, and there is no alert", campaign, windows[start].Time().Local().Format("15:04:05"))
		}
	}
}
