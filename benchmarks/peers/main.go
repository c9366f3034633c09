//go:build unix

// Command peers has the contenders of benchmarks/bench that are made with other libraries, and those that need a module that calmstream does
// without. It is built and started by `go run ./benchmarks/bench -peers`.
//
// Each counts the JSON events of the workload json by a field, with the settings that its documentation recommends for throughput. What each
// guarantees is said in the report: the others keep their counts in memory only, so that what a crash leaves is wrong.
package main

import (
	"os"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
)

func main() {
	os.Exit(contest.Main(map[string]contest.Contender{
		"json/nats.go consumer":      natsLoop,
		"json/watermill":             watermillLoop,
		"json/go-streams":            goStreams,
		"json/calmstream, json v2":   calmJSON,
		"json/calmstream, json scan": calmScan,
	}))
}
