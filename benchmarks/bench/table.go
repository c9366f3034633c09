//go:build unix

package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
)

// table is what was measured of a workload.
type table struct {
	Name  string `json:"workload"`
	About string `json:"about"`
	Rows  []*row `json:"rows"`
	// Targets are judged once everything is measured.
	Targets []target `json:"targets"`

	entries []entry
	judge   func(t *table) []target
}

// row is a contender with one input.
type row struct {
	Name     string            `json:"contender"`
	Kind     kind              `json:"kind"`
	Promise  string            `json:"guarantees"`
	Records  int               `json:"records"`
	Outcomes []contest.Outcome `json:"runs"`
}

// newTable makes an empty table.
func newTable(w workload, peers bool) *table {
	t := &table{Name: w.name, About: w.about, judge: w.targets}
	for _, e := range w.entries {
		if peers || !e.peer {
			t.entries = append(t.entries, e)
		}
	}
	return t
}

// suffix tells the rows of several inputs apart.
func (t *table) suffix(c testcase) string {
	if c.label == "" {
		return ""
	}
	return ", " + c.label
}

// add notes a run.
func (t *table) add(e entry, c testcase, o contest.Outcome) {
	name := e.name + t.suffix(c)
	r := t.row(name)
	if r == nil {
		r = &row{Name: name, Kind: e.kind, Promise: e.promise, Records: c.Records}
		t.Rows = append(t.Rows, r)
	}
	r.Outcomes = append(r.Outcomes, o)
}

// row finds a row; nil if there is none.
func (t *table) row(name string) *row {
	for _, r := range t.Rows {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// sample is a number of each repetition.
type sample []float64

// median is the middle one; that of an even number is the mean of two.
func (s sample) median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	v := slices.Sorted(slices.Values(s))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func (s sample) least() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	return slices.Min(s)
}

func (s sample) most() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	return slices.Max(s)
}

// of takes a number of each run of a row.
func (t *table) of(name string, f func(r *row, o contest.Outcome) float64) (s sample) {
	if r := t.row(name); r != nil {
		for _, o := range r.Outcomes {
			s = append(s, f(r, o))
		}
	}
	return s
}

// rate is records per second.
func (t *table) rate(name string) sample {
	return t.of(name, func(r *row, o contest.Outcome) float64 { return float64(r.Records) / o.Seconds })
}

// extra is a number that a contender has noted.
func (t *table) extra(name, of string) sample {
	return t.of(name, func(_ *row, o contest.Outcome) float64 {
		if v, there := o.Extra[of]; there {
			return v
		}
		return math.NaN()
	})
}

// ratio is the rate of one to that of another in the same repetition.
func (t *table) ratio(a, b string) sample { return quotients(t.rate(a), t.rate(b)) }

// quotients divides the numbers of the same repetition.
func quotients(a, b sample) (s sample) {
	for i := range min(len(a), len(b)) {
		s = append(s, a[i]/b[i])
	}
	return s
}

// divided divides all numbers by one.
func divided(s sample, by float64) (d sample) {
	for _, v := range s {
		d = append(d, v/by)
	}
	return d
}

// target is something to reach.
type target struct {
	What    string `json:"what"`
	Wanted  string `json:"target"`
	Reached string `json:"reached"`
	Met     bool   `json:"met"`
	Command string `json:"command"`
}

// atLeast is met if the median is large enough.
func atLeast(what string, least float64, s sample) target {
	return target{What: what, Wanted: "at least " + number(least), Reached: spread(s), Met: s.median() >= least}
}

// atMost is met if the median is small enough.
func atMost(what string, most float64, s sample) target {
	return target{What: what, Wanted: "at most " + number(most), Reached: spread(s), Met: s.median() <= most}
}

// spread shows a median and how far the repetitions are apart.
func spread(s sample) string {
	if len(s) < 2 {
		return number(s.median())
	}
	return fmt.Sprintf("%s (%s to %s)", number(s.median()), number(s.least()), number(s.most()))
}

// number shows about three digits.
func number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "–"
	case a >= 1e9:
		return strconv.FormatFloat(v/1e9, 'f', 2, 64) + " G"
	case a >= 1e6:
		return strconv.FormatFloat(v/1e6, 'f', 2, 64) + " M"
	case a >= 1e4:
		return strconv.FormatFloat(v/1e3, 'f', 0, 64) + " k"
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 0.01 || a == 0:
		return strconv.FormatFloat(v, 'f', 2, 64)
	default:
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
}
