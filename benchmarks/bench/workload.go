//go:build unix

package main

import (
	"strconv"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
	"github.com/nats-io/nats.go"
)

// workload is something to measure.
type workload struct {
	name, about string
	cases       func(scale float64) []testcase
	// fill makes the messages of the input, in order, and calls put for each; nil where contenders make their input themselves.
	fill func(c testcase, put func(*nats.Msg) error) error
	// want is what must be found.
	want    func(c testcase) map[string]string
	entries []entry
	targets func(t *table) []target
	// large says that there is no small form of it: it is left out where the scale is below 1 and it is not named.
	large bool
}

// testcase is one input of a workload.
type testcase struct {
	label  string // empty if there is only one
	rounds int    // 0 means as many as all others, and one to warm up
	contest.Job
}

// kind says what a contender is in the comparison.
type kind string

const (
	floorKind kind = "floor" // the least that can be done
	oursKind  kind = "calmstream"
	peerKind  kind = "peer"
)

// entry is a contender in a workload.
type entry struct {
	name    string
	kind    kind
	promise string // what it guarantees
	run     contest.Contender
	peer    bool // it is in the module benchmarks/peers
	// reads says that it finds only how many messages there are.
	reads bool
	// want, if it is not nil, is what this one must find instead of what the others must.
	want func(c testcase) map[string]string
}

// found is what the entry must find.
func (e entry) found(c testcase, want map[string]string) map[string]string {
	if e.reads {
		return map[string]string{messagesFound: strconv.Itoa(c.Messages)}
	}
	if e.want != nil {
		return e.want(c)
	}
	return want
}

// messagesFound is the result of those who only read.
const messagesFound = "messages"

// scaled returns a number of things, and not less than some.
func scaled(n int, scale float64, least int) int { return max(least, int(float64(n)*scale)) }

// one makes the only case of a workload.
func one(job contest.Job) []testcase { return []testcase{{Job: job}} }

// all workloads, in the order of the report.
func workloads() []workload {
	return []workload{subject(), jsonEvents(), packed(), exchange(), words(), ads(), shuffle(), latency(), growth(), checkpoint(), state(), failover()}
}
