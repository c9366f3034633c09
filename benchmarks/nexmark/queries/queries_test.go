package queries_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/benchmarks/nexmark"
	"github.com/calmstream/calmstream/benchmarks/nexmark/queries"
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
	"github.com/calmstream/calmstream/sinks"
)

func config(shards int) queries.Config {
	c := queries.Config{Stream: "EVENTS", SideStream: "SIDE", Sink: func(write string) sinks.Sink { return sinks.Func{Name: write} }}
	for i := range shards {
		c.Subjects = append(c.Subjects, fmt.Sprintf("events.%d", i))
	}
	return c
}

func TestThereAreAllQueries(t *testing.T) {
	t.Parallel()
	var want, got []string
	for i := range 24 {
		want = append(want, fmt.Sprintf("q%d", i))
	}
	want = slices.Insert(want, 7, "q6s")
	for _, q := range queries.All() {
		got = append(got, q.Name)
		if found, ok := queries.Find(q.Name); !ok || found.Asks != q.Asks || q.Asks == "" {
			t.Errorf("%s is not found by its name, or asks nothing", q.Name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, ok := queries.Find("q24"); ok {
		t.Error("there is a q24")
	}
}

// What a query is said to wait for is what the planner finds.
func TestPlansSayWhatQueriesWaitFor(t *testing.T) {
	t.Parallel()
	for _, q := range queries.All() {
		p := q.Pipeline(config(3))
		d, err := p.Document()
		if err != nil {
			t.Errorf("%s: %v", q.Name, err)
			continue
		}
		text, err := p.Explain()
		if err != nil {
			t.Fatal(err)
		}
		waits := q.Class != queries.Monotone || q.Waits != ""
		if none := strings.Contains(text, "none: every result leaves at once"); waits == none || waits != (len(d.PointsOfOrder) > 0) {
			t.Errorf("%s is %s, and its plan has the points of order %v", q.Name, q.Class, d.PointsOfOrder)
		}
		budget := q.Pipeline(config(3))
		budget.MaxPointsOfOrder = pipeline.NoPointsOfOrder
		if refused := budget.Err() != nil; refused != waits {
			t.Errorf("%s is %s, and without points of order it is refused: %v", q.Name, q.Class, refused)
		}
		verdict, grows := "final", false
		if q.Class == queries.Monotone {
			verdict = "stable"
		}
		for _, o := range d.Operators {
			grows = grows || strings.Contains(o.Yields, "lower-bound")
			if o.Operator == "write" && o.Name == queries.Rows && o.Verdict != verdict || o.Operator == "write" && o.Label != "Async" && o.Label != "Run" {
				t.Errorf("%s is %s, and its rows are %s (%s)", q.Name, q.Class, o.Verdict, o.Label)
			}
			if q.Class == queries.Lattice && strings.Contains(o.Yields, "provisional") {
				t.Errorf("%s is %s, and %s %s goes up and down", q.Name, q.Class, o.Operator, o.Name)
			}
		}
		if grows != waits {
			t.Errorf("%s is %s, and its plan has a state that grows: %v", q.Name, q.Class, grows)
		}
	}
}

// logs deals events to shards, and adds what of the side input they can meet.
func logs(t *testing.T, c nexmark.Config, shards int, side bool) []pipelinetest.Log {
	t.Helper()
	all, err := c.All()
	if err != nil {
		t.Fatal(err)
	}
	var out []pipelinetest.Log
	for i := range shards {
		out = append(out, pipelinetest.Log{Read: queries.Events, Shard: i})
	}
	n := 0
	for _, e := range all {
		out[n%shards].Messages = append(out[n%shards].Messages, e.AppendJSON(nil))
		n++
	}
	if side {
		table := pipelinetest.Log{Read: queries.Side}
		for row := range queries.SideInput() {
			if strings.HasPrefix(string(row), `{"key":10`) && len(table.Messages) < 60 {
				table.Messages = append(table.Messages, row)
			}
		}
		out = append(out, table)
	}
	return out
}

// The rows are the same whoever computes them, in whatever order the shards come along, with crashes and with several owners.
func TestSchedulesDoNotMatter(t *testing.T) {
	t.Parallel()
	for _, q := range queries.All() {
		events := nexmark.Config{Seed: 15, Events: 400, Rate: 10, OutOfOrder: 10}
		if q.Name == "q2" {
			events.Events = 2300 // the first auction that it asks for is number 108
		}
		t.Run(q.Name, func(t *testing.T) {
			t.Parallel()
			build := func() *pipeline.Pipeline { return q.Pipeline(config(2)) }
			out := pipelinetest.Check(t, build, logs(t, events, 2, q.Side), pipelinetest.Options{Rounds: 2})
			if out.Late > 0 || len(out.Rejected) > 0 {
				t.Errorf("%d records were rejected: %v", len(out.Rejected), out.Rejected)
			}
			rows := 0
			for _, r := range out.Results {
				var object map[string]json.RawMessage
				if err := json.Unmarshal([]byte(r.Payload), &object); err != nil {
					t.Fatalf("%s: %v", r, err)
				}
				if r.Write == queries.Rows {
					rows++
					if want := q.Class == queries.Monotone; want != (r.Verdict == crdt.Stable) {
						t.Fatalf("%s of a %s query", r, q.Class)
					}
				}
			}
			if rows == 0 {
				t.Error("no rows, so that nothing was compared")
			}
		})
	}
}

// Nor does it matter which shard has which events, and how many shards there are.
func TestShardsDoNotMatter(t *testing.T) {
	t.Parallel()
	for _, q := range queries.All() {
		if q.Name == "q12" {
			continue // its time is that of the store, in which no record of a shard overtakes another, as those of a deal do
		}
		events := nexmark.Config{Seed: 15, Events: 400, Rate: 100} // all within the lateness, so that none is late
		if q.Name == "q2" {
			events.Events, events.Rate = 2300, 1000
		}
		t.Run(q.Name, func(t *testing.T) {
			t.Parallel()
			build := func(shards int) *pipeline.Pipeline { return q.Pipeline(config(shards)) }
			out := pipelinetest.CheckShards(t, build, logs(t, events, 1, q.Side), pipelinetest.Options{Rounds: 2})
			if out.Late > 0 || len(out.Results) == 0 {
				t.Errorf("%d late records and %d results", out.Late, len(out.Results))
			}
		})
	}
}
