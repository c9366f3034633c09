//go:build unix

package main

import (
	"fmt"
	"math"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
)

// growth looks at what a record costs with more records and with more keys.
func growth() workload {
	label := func(records, keys int) string {
		return fmt.Sprintf("%s records, %s keys", number(float64(records)), number(float64(keys)))
	}
	var few, many contest.Job
	var wide []contest.Job
	return workload{
		name: "growth", about: "count records of 8 bytes, 512 to a message, with more and more records and keys",
		cases: func(scale float64) (cases []testcase) {
			n := scaled(10_000_000, scale, 20_000)
			few, many = packedJob("GROWTH-few", 1, n, 1_000), packedJob("GROWTH-many", 1, 4*n, 1_000)
			wide = nil
			for _, keys := range []int{10_000, 100_000, 1_000_000} {
				wide = append(wide, packedJob(fmt.Sprintf("GROWTH-%d", keys), 1, n, keys))
			}
			for _, job := range append([]contest.Job{few, many}, wide...) {
				cases = append(cases, testcase{label: label(job.Records, job.Keys), Job: job})
			}
			return cases
		},
		fill: fillPacked, want: wantPacked,
		entries: []entry{floors()[0], packedLoop(), packedCalm()},
		targets: func(t *table) []target {
			name := func(who string, job contest.Job) string { return who + ", " + label(job.Records, job.Keys) }
			cost := func(who string, job contest.Job) sample {
				read := t.extra(name(who, job), "read_seconds")
				for i := range read {
					read[i] /= float64(job.Records)
				}
				return read
			}
			last := wide[len(wide)-1]
			return []target{
				atMost("cost of a record with four times as many records", 1.1, quotients(cost(calmName, many), cost(calmName, few))),
				atMost(fmt.Sprintf("cost of a record with %s keys, to that with %s (a logarithm would be the target)", number(float64(last.Keys)), number(float64(few.Keys))),
					math.Log(float64(last.Keys))/math.Log(float64(few.Keys)), quotients(cost(calmName, last), cost(calmName, few))),
				atMost("the same growth, to that of a loop over a Go map", 1.1,
					quotients(quotients(cost(calmName, last), cost(calmName, few)), quotients(cost("loop", last), cost("loop", few)))),
			}
		},
	}
}
