//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
	"github.com/calmstream/calmstream/benchmarks/internal/process"
)

// failover runs benchmarks/failover, which has a server and workers of its own and checks what is stored at the end.
func failover() workload {
	return workload{
		name: "failover", about: "kill, start and stop one of two workers, and take the longest time until a result (benchmarks/failover)",
		large: true,
		cases: func(float64) []testcase {
			return []testcase{{rounds: 1, Job: contest.Job{Records: 1, Options: map[string]int{"repeat": 5}}}}
		},
		want: func(testcase) map[string]string { return map[string]string{"checked": "by benchmarks/failover"} },
		entries: []entry{{name: calmName, kind: oursKind, promise: exactlyOnce + "; each result once", run: func(ctx context.Context, b *contest.Bout) error {
			command := exec.CommandContext(ctx, "go", "run", "github.com/calmstream/calmstream/benchmarks/failover", "-json", "-repeat", strconv.Itoa(b.Options["repeat"]))
			var errs process.Tail
			command.Stderr = &errs
			b.Begin()
			out, err := command.Output()
			b.End()
			if err != nil {
				return fmt.Errorf("%w\n%s", err, errs.String())
			}
			b.Found["checked"] = "by benchmarks/failover"
			for line := range bytes.Lines(out) {
				var e struct {
					What    string
					Seconds []float64
				}
				if err := json.Unmarshal(line, &e); err != nil {
					return fmt.Errorf("%s: %w", line, err)
				}
				b.Number(e.What, sample(e.Seconds).median())
			}
			return nil
		}}},
		targets: func(t *table) []target {
			return []target{
				atMost("results of a shard flow again after `kill -9` of one of two workers, seconds, median of five", 3, t.extra(calmName, "kill -9, no standby")),
				atMost("the same with a standby", 0.3, t.extra(calmName, "kill -9, one standby")),
				atMost("the longest a result takes when a third worker joins, to when nothing happens", 1.5,
					quotients(t.extra(calmName, "a third worker joins"), t.extra(calmName, "nothing"))),
			}
		},
	}
}
