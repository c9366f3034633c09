package demo

import (
	"context"
	"io"
	"time"

	"github.com/calmstream/calmstream/cmd/internal/adclicks"
	"github.com/nats-io/nats.go/jetstream"
)

// CommandHard is Command with a context for the second Ctrl-C.
var CommandHard = command

// ErrStopped is the cause of a second Ctrl-C.
var ErrStopped = errStopped

// Observed is what a run has seen, for a check of it.
type Observed struct {
	Config         adclicks.Config
	Tally          *adclicks.Tally
	Alerts         []Seen[adclicks.Alert]
	Rankings       []Seen[[]adclicks.Ranked]
	Late, Rejected uint64
	// More counts alerts and rankings that are not shown any more.
	More int
}

// Seen is a result.
type Seen[T any] struct {
	Start   int64
	Verdict string
	Value   T
}

func (s Seen[T]) result(size time.Duration, key string) result {
	start := time.Unix(0, s.Start).UTC()
	return result{verdict: s.Verdict, key: key, window: span{start, start.Add(size)}, stored: start.Add(size)}
}

func (o Observed) results() (alerts []alert, rankings []ranking) {
	for _, s := range o.Alerts {
		alerts = append(alerts, alert{result: s.result(o.Config.Window, s.Value.Campaign), Alert: s.Value})
	}
	for _, s := range o.Rankings {
		rankings = append(rankings, ranking{result: s.result(o.Config.Window, ""), top: s.Value})
	}
	return alerts, rankings
}

// Check compares what was seen with the tally.
func (o Observed) Check() error {
	alerts, rankings := o.results()
	return check(o.Tally, o.Config, alerts, rankings, status{late: o.Late, dead: o.Rejected})
}

// Picture is one picture of what was seen.
func (o Observed) Picture(color bool, now time.Time, counter uint64, ending bool) []string {
	f := frame{
		style: style{color}, config: o.Config, rate: int(counter % 1_000_001), now: now, elapsed: time.Duration(counter) * 300 * time.Microsecond, events: counter, speed: float64(counter % 1e6),
		ending: ending, status: status{dead: counter / 500, late: counter / 500, checkpoints: counter / 100, lag: counter / 1000, open: 12},
	}
	alerts, rankings := o.results()
	f.rankings = rankings
	f.alerted, f.ranked = len(alerts)+o.More, len(rankings)+o.More
	for i, a := range alerts {
		f.alerts = append(f.alerts, shownAlert{alert: a, lead: time.Second, sealed: i%2 == 0})
	}
	return f.lines()
}

// Draw draws pictures one over the other.
func Draw(out io.Writer, pictures ...[]string) {
	s := newScreen(out, false, 0)
	for _, p := range pictures {
		s.draw(p)
	}
}

// Watch follows a stream until ctx ends, and then finishes it. Each message is given to take.
func Watch(ctx context.Context, js jetstream.JetStream, stream string, take func(payload string) error) error {
	w, err := newWatcher(context.WithoutCancel(ctx), js, stream, func(r result) error { return take(string(r.payload)) })
	if err != nil {
		return err
	}
	if err := w.follow(ctx); err != nil {
		return err
	}
	return w.finish(context.WithoutCancel(ctx))
}

// Number renders a count.
var Number = number[uint64]

// ParseSpan reads a window and returns its ends.
func ParseSpan(text string) (start, end time.Time, err error) {
	s, err := parseSpan(text)
	return s.start, s.end, err
}
