//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
)

// report is everything that one command has measured.
type report struct {
	Machine machine  `json:"machine"`
	Tables  []*table `json:"workloads"`
}

// write writes the files of the report, and prints the targets.
func (r *report) write(dir string, out io.Writer) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var targets []target
	var text strings.Builder
	say(&text, "# Benchmarks\n\n%s\n", r.Machine.lines())
	say(&text, "Times and ratios are medians, with the least and the most of the repetitions. A ratio is that of two runs in the same repetition.\n")
	for _, t := range r.Tables {
		t.Targets = t.judge(t)
		for i := range t.Targets {
			t.Targets[i].Command = "go run ./benchmarks/bench " + r.Machine.peers + t.Name
		}
		targets = append(targets, t.Targets...)
		t.write(&text)
		if err := os.WriteFile(filepath.Join(dir, t.Name+".svg"), []byte(t.plot()), 0o644); err != nil {
			return err
		}
	}
	say(&text, "\n## Targets\n\n%s", targetTable(targets))
	if err := os.WriteFile(filepath.Join(dir, "report.md"), []byte(text.String()), 0o644); err != nil {
		return err
	}
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "results.json"), append(data, '\n'), 0o644); err != nil {
		return err
	}
	say(out, "%s\n%s", r.Machine.lines(), targetTable(targets))
	return nil
}

// targetTable shows targets as docs/performance.md does.
func targetTable(targets []target) string {
	var b strings.Builder
	say(&b, "| what | target | reached | met | command |\n|---|---|---|---|---|\n")
	for _, t := range targets {
		met := "yes"
		if !t.Met {
			met = "**no**"
		}
		say(&b, "| %s | %s | %s | %s | `%s` |\n", t.What, t.Wanted, t.Reached, met, t.Command)
	}
	return b.String()
}

// write shows a workload.
func (t *table) write(out io.Writer) {
	say(out, "\n## %s\n\nTo %s.\n\n![](%s.svg)\n\n", t.Name, t.About, t.Name)
	say(out, "| contender | records/s | to bare | client µs | server µs | peak MB | allocations | bytes allocated | guarantees |\n|---|---:|---:|---:|---:|---:|---:|---:|---|\n")
	per := func(f func(o contest.Outcome) float64) func(r *row, o contest.Outcome) float64 {
		return func(r *row, o contest.Outcome) float64 { return f(o) / float64(r.Records) }
	}
	for _, r := range t.Rows {
		server := t.of(r.Name, per(func(o contest.Outcome) float64 { return o.ServerCPUSeconds * 1e6 })).median()
		shown := number(server)
		if server < 0 {
			shown = "–"
		}
		say(out, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", r.Name, spread(t.rate(r.Name)), spread(t.ratio(r.Name, t.bareOf(r.Name))),
			number(t.of(r.Name, per(func(o contest.Outcome) float64 { return o.CPUSeconds * 1e6 })).median()), shown,
			number(t.of(r.Name, func(_ *row, o contest.Outcome) float64 { return float64(o.PeakBytes) / 1e6 }).median()),
			number(t.of(r.Name, per(func(o contest.Outcome) float64 { return float64(o.Allocations) })).median()),
			number(t.of(r.Name, per(func(o contest.Outcome) float64 { return float64(o.AllocatedBytes) })).median()), r.Promise)
	}
	say(out, "\nProcessor time, allocations and bytes are for a record.\n")
	for _, r := range t.Rows {
		if extra := t.extras(r); extra != "" {
			say(out, "\n%s: %s.\n", r.Name, extra)
		}
	}
	for i, g := range t.Targets {
		if i == 0 {
			say(out, "\n")
		}
		say(out, "- %s: %s, reached %s\n", g.What, g.Wanted, g.Reached)
	}
}

// bareOf is the bare reader of the same input as a row.
func (t *table) bareOf(name string) string {
	if _, label, several := strings.Cut(name, ", "); several {
		return bareName + ", " + label
	}
	return bareName
}

// extras shows the medians of what a contender has noted.
func (t *table) extras(r *row) string {
	names := make(map[string]bool)
	for _, o := range r.Outcomes {
		for name := range o.Extra {
			names[name] = true
		}
	}
	var shown []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		shown = append(shown, fmt.Sprintf("%s %s", strings.ReplaceAll(name, "_", " "), number(t.extra(r.Name, name).median())))
	}
	return strings.Join(shown, ", ")
}
