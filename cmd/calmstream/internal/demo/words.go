package demo

import (
	"slices"
	"time"

	"github.com/calmstream/calmstream/cmd/internal/adclicks"
	"github.com/calmstream/calmstream/pipeline"
)

// introduce says what will be shown, and prints the plan.
func (d *demo) introduce(out *output, program *pipeline.Pipeline) error {
	plan, err := program.Explain()
	if err != nil {
		return err
	}
	out.printf(`Ad events, %s a second, are counted by campaign in windows of %s. The same
count gives alerts, which are stable the moment they fire, and a top %d that waits
until its window is sealed and final. In the end both are held against a count
that is made without calmstream.

%s
`, number(d.rate), window, adclicks.TopK, plan)
	return nil
}

// summarize says what has happened, and checks it.
func (d *demo) summarize(out *output) error {
	alerts, rankings, leads := d.board.seen()
	t, s := d.feeder.tally, statusOf(&d.monitor)
	out.printf("\n%s generated, %s counted\n", plural(t.Events+t.Malformed, "event"), plural(t.Clicks, "click"))
	if d.feeder.behind {
		out.printf("this machine did not keep up with %s events a second\n", number(d.rate))
	}
	if len(leads) > 0 {
		out.printf("%s, in the median %s before the window was final\n", plural(len(alerts), "stable alert"), seconds(median(leads)))
	} else {
		out.printf("%s\n", plural(len(alerts), "stable alert"))
	}
	out.printf("%s sealed\n", plural(len(rankings), "window"))
	out.printf("%s and %s, stored with the reason in CALM_DLQ_%s\n", plural(s.dead, "dead letter"), plural(s.late, "late click"), d.config.Name)
	if err := check(t, d.config, alerts, rankings, s); err != nil {
		return err
	}
	out.printf("all %s agree with an independent count, and so do the alerts\n", plural(len(rankings), "window"))
	if d.store.Temporary() {
		out.printf("nothing of it is kept; --store DIR would keep it\n")
	} else {
		out.printf("everything is kept in %s; its streams have %s in their names\n", d.store.Place(), d.config.Name)
	}
	return nil
}

// median returns the middle of some durations, of which there is at least one.
func median(all []time.Duration) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
