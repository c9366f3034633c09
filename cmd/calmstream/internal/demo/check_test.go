package demo_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/demo"
	"github.com/calmstream/calmstream/cmd/internal/adclicks"
)

// observed is what a correct run over a few seconds sees.
func observed(t *testing.T) demo.Observed {
	t.Helper()
	c := adclicks.Config{Name: "planted", Partitions: 2, Window: 2 * time.Second, Lateness: 500 * time.Millisecond, AlertAt: 75}
	o := demo.Observed{Config: c, Tally: adclicks.NewTally(c)}
	g := adclicks.NewGenerator(adclicks.Load{Seed: 1, Start: time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC), Straggle: 5 * time.Second})
	for range 8000 {
		o.Tally.Add(g.Next())
	}
	for _, w := range o.Tally.Windows() {
		o.Rankings = append(o.Rankings, demo.Seen[[]adclicks.Ranked]{Start: w.Start, Verdict: "final", Value: slices.Clone(w.Top())})
		for _, campaign := range w.Hot(c.AlertAt) {
			o.Alerts = append(o.Alerts, demo.Seen[adclicks.Alert]{Start: w.Start, Verdict: "stable", Value: adclicks.Alert{Campaign: campaign, AtLeast: c.AlertAt}})
		}
	}
	o.Late, o.Rejected = o.Tally.Late, o.Tally.Malformed
	if len(o.Rankings) < 4 || len(o.Alerts) < 4 || o.Late == 0 || o.Rejected == 0 {
		t.Fatalf("the load shows too little: %+v", o)
	}
	return o
}

func TestCheckFindsWhatIsPlanted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		plant func(o *demo.Observed)
		want  string // in the error; empty for none
	}{
		{"nothing", func(*demo.Observed) {}, ""},
		{"the order of arrival", func(o *demo.Observed) { slices.Reverse(o.Rankings); slices.Reverse(o.Alerts) }, ""},
		{"one click more", func(o *demo.Observed) { o.Rankings[1].Value[0].Score++ }, "an independent count says"},
		{"one click less in the last place", func(o *demo.Observed) { o.Rankings[2].Value[4].Score-- }, "an independent count says"},
		{"another campaign", func(o *demo.Observed) { o.Rankings[0].Value[1].Key = "maps" }, "an independent count says"},
		{"two places changed", func(o *demo.Observed) { v := o.Rankings[1].Value; v[0], v[1] = v[1], v[0] }, "an independent count says"},
		{"a shorter ranking", func(o *demo.Observed) { o.Rankings[1].Value = o.Rankings[1].Value[:4] }, "an independent count says"},
		{"a window that is not there", func(o *demo.Observed) { o.Rankings = o.Rankings[1:] }, "has no ranking"},
		{"a window that should not be", func(o *demo.Observed) {
			r := o.Rankings[0]
			r.Start -= int64(time.Minute)
			o.Rankings = append(o.Rankings, r)
		}, "has no click in it"},
		{"a window twice", func(o *demo.Observed) { o.Rankings = append(o.Rankings, o.Rankings[0]) }, "ranked twice"},
		{"a ranking that is not final", func(o *demo.Observed) { o.Rankings[0].Verdict = "stable" }, `verdict "stable"`},
		{"an alert that is not there", func(o *demo.Observed) { o.Alerts = o.Alerts[:len(o.Alerts)-1] }, "there is no alert"},
		{"an alert twice", func(o *demo.Observed) { o.Alerts = append(o.Alerts, o.Alerts[0]) }, "an alert too many"},
		{"an alert about another campaign", func(o *demo.Observed) { o.Alerts[0].Value.Campaign = "maps" }, "wrong in 2 places"},
		{"an alert in a window that is not there", func(o *demo.Observed) { o.Alerts[0].Start += int64(time.Hour) }, "wrong in 2 places"},
		{"an alert that is not stable", func(o *demo.Observed) { o.Alerts[0].Verdict = "provisional" }, `verdict "provisional"`},
		{"an alert at another threshold", func(o *demo.Observed) { o.Alerts[0].Value.AtLeast = 74 }, "says 74"},
		{"a late click lost", func(o *demo.Observed) { o.Late-- }, "went to the late stream"},
		{"a dead letter too many", func(o *demo.Observed) { o.Rejected++ }, "dead letter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := observed(t)
			c.plant(&o)
			err := o.Check()
			switch {
			case c.want == "" && err != nil:
				t.Errorf("a correct run is said to be wrong: %v", err)
			case c.want != "" && err == nil:
				t.Error("it is not found")
			case c.want != "" && !strings.Contains(err.Error(), c.want):
				t.Errorf("the error is %q, which does not say %q", err, c.want)
			}
		})
	}
}
