package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/calmstream/calmstream/cmd/internal/adclicks"
)

// The rows of the picture: 22 lines with everything, so that it fits a terminal of 24.
const (
	alertRows = 5
	olderRows = 2
	barWidth  = 46
	// rankingWidth is what the ranking of an older window may take of its line.
	rankingWidth = 56
)

// frame is what one picture shows.
type frame struct {
	style    style
	config   adclicks.Config
	rate     int
	length   time.Duration
	now      time.Time
	elapsed  time.Duration
	events   uint64
	speed    float64
	ending   bool
	status   status
	alerts   []shownAlert // the newest first
	rankings []ranking
	// alerted and ranked count them all.
	alerted, ranked int
}

// lines renders the picture: always as many lines, none longer than 79 characters for some millions of events.
func (f frame) lines() []string {
	out := []string{f.title(), ""}
	out = append(out, f.style.bold("ALERTS")+f.style.dim("   a count only grows: these leave at once and are never taken back"))
	for i := range alertRows {
		if i < len(f.alerts) {
			out = append(out, f.alert(f.alerts[i]))
		} else {
			out = append(out, "")
		}
	}
	out = append(out, "", f.style.bold("RESULTS")+f.style.dim("  the next click could change these: they wait until they are sealed"))
	out = append(out, f.newest()...)
	for i := 1; i <= olderRows; i++ {
		if i < len(f.rankings) {
			r := f.rankings[i]
			out = append(out, fmt.Sprintf("  %s  %s  %s", f.style.verdict(r.verdict), r.window, f.style.dim(fit(r.top))))
		} else {
			out = append(out, "")
		}
	}
	return append(out, "", f.input(), f.output(), f.footer())
}

func (f frame) title() string {
	return f.style.bold("calmstream demo") + fmt.Sprintf("  %s events/s, windows of %s, alerts at %s",
		number(f.rate), f.config.Window, plural(f.config.AlertAt, "click"))
}

func (f frame) alert(a shownAlert) string {
	var when string
	switch {
	case a.sealed:
		when = f.style.bold(seconds(a.lead)) + " before its window was final"
	case a.window.end.After(f.now):
		when = fmt.Sprintf("known now; its window is open for another %.1f s", a.window.end.Sub(f.now).Seconds())
	default:
		when = "known now; its window still waits for the seal"
	}
	return fmt.Sprintf("  %s  %s  %-7s %s", f.style.verdict(a.verdict), a.window, a.Campaign, when)
}

// newest draws the newest ranking.
func (f frame) newest() []string {
	out := make([]string, 1+adclicks.TopK)
	if len(f.rankings) == 0 {
		out[0] = f.style.dim("  no window has been sealed yet")
		return out
	}
	r := f.rankings[0]
	by := "sealed by the end of the input"
	if after := r.stored.Sub(r.window.end); after > 0 {
		by = "sealed " + seconds(after) + " after its end"
	}
	out[0] = fmt.Sprintf("  %s  %s  %s", f.style.verdict(r.verdict), r.window, by)
	for i, c := range r.top {
		if i == adclicks.TopK {
			break
		}
		share := float64(c.Score) / float64(max(1, r.top[0].Score))
		width := max(1, int(barWidth*min(1, share))) // whatever the stream holds, the picture keeps its shape
		out[1+i] = fmt.Sprintf("    %d  %-7s %8s  %s", i+1, c.Key, number(c.Score), f.style.paint("36", strings.Repeat("█", width)))
	}
	return out
}

// fit renders as much of a ranking as an older window has room for.
func fit(top []adclicks.Ranked) string {
	text := rankingText(top)
	for len(text) > rankingWidth {
		top = top[:len(top)-1]
		text = rankingText(top)
	}
	return text
}

func (f frame) input() string {
	return fmt.Sprintf("events %s (%s/s)  late %s  dead letters %s",
		number(f.events), number(uint64(f.speed+0.5)), number(f.status.late), number(f.status.dead))
}

func (f frame) output() string {
	return fmt.Sprintf("alerts %s  rankings %s  checkpoints %s  open windows %d  lag %s",
		number(f.alerted), number(f.ranked), number(f.status.checkpoints), f.status.open, number(f.status.lag))
}

func (f frame) footer() string {
	what := "Ctrl-C ends and checks"
	switch {
	case f.ending:
		what = "the input has ended"
	case f.length > 0:
		what = "ends after " + f.length.String()
	}
	return f.style.dim(fmt.Sprintf("%s  %s", f.elapsed.Truncate(time.Second), what))
}
