package market_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/benchmarks/nexmark"
	"github.com/calmstream/calmstream/benchmarks/nexmark/queries"
	"github.com/calmstream/calmstream/cmd/calmstream/internal/market"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func config(t *testing.T, nc *nats.Conn, query string) market.Config {
	t.Helper()
	q, ok := queries.Find(query)
	if !ok {
		t.Fatalf("no query %s", query)
	}
	return market.Config{
		Query: q, Events: nexmark.Config{Seed: 5, Events: 1500, Rate: nexmark.LongRate, Generators: 1, OutOfOrder: 20}, Shards: 2,
		Conn: nc, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Monitor: new(pipeline.Monitor),
	}
}

// rows are what a run printed, sorted.
func rows(t *testing.T, r market.Results, err error) (out []string) {
	t.Helper()
	if err != nil || r.Unused > 0 {
		t.Fatalf("%v, and %d records could not be used", err, r.Unused)
	}
	for _, row := range r.Rows {
		out = append(out, row.Write+" "+string(row.Row))
	}
	slices.Sort(out)
	return out
}

// inMemory are the rows of the same run without a server.
func inMemory(t *testing.T, c market.Config) (out []string) {
	t.Helper()
	d := pipelinetest.NewDriver(t, market.Pipeline(c.Query, "", c.Shards))
	if c.Query.Side {
		for row := range queries.SideInput() {
			d.Push(queries.Side, string(row))
		}
	}
	all, err := c.Events.All()
	if err != nil {
		t.Fatal(err)
	}
	shard := 0
	for _, e := range all {
		d.PushMessage(queries.Events, pipelinetest.Message{Data: e.AppendJSON(nil), Shard: shard})
		shard = (shard + 1) % c.Shards
	}
	d.End()
	for _, r := range d.Results(queries.Rows) {
		out = append(out, queries.Rows+" "+r.Payload)
	}
	slices.Sort(out)
	return out
}

func TestARunHasTheRowsOfThePipelineInMemory(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"q5", "q9", "q13"} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			c := config(t, natstest.Run(t).Conn(t), query)
			results, err := market.Run(t.Context(), c)
			got, want := rows(t, results, err), inMemory(t, c)
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("%d rows, want the %d that it has in memory", len(got), len(want))
			}
		})
	}
}

var errEnough = errors.New("enough")

func TestARunThatWasStoppedGoesOn(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t).Conn(t)
	c := config(t, nc, "q10")
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := c
	stopped.Fed = func(stored uint64) { cancel(errEnough) }
	if _, err := market.Run(ctx, stopped); !errors.Is(err, errEnough) || !strings.Contains(err.Error(), "goes on from there") {
		t.Fatalf("stopped while it stored events: %v", err)
	}
	results, err := market.Run(t.Context(), c)
	got := rows(t, results, err)
	marked := 0
	for _, r := range results.Rows {
		var marker struct {
			Bids int `json:"bids"`
		}
		if r.Write == queries.Markers && r.Verdict == "final" && json.Unmarshal(r.Row, &marker) == nil {
			marked += marker.Bids
		}
	}
	if bids := 1500 / 50 * 46; len(got) != bids+1 || marked != bids {
		t.Errorf("%d rows and markers of %d bids, want %d", len(got), marked, bids)
	}
	c.Monitor = new(pipeline.Monitor)
	again, err := market.Run(t.Context(), c)
	if err != nil || !reflect.DeepEqual(again, results) {
		t.Errorf("the run that has ended gives something else: %v", err)
	}
}

func TestRunsThatAreRefused(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t).Conn(t)
	c := config(t, nc, "q2")
	if _, err := market.Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*market.Config){
		"nexmark-seed":   func(c *market.Config) { c.Events.Seed++ },
		"nexmark-events": func(c *market.Config) { c.Events.Events++ },
		"nexmark-rate":   func(c *market.Config) { c.Events.Rate++ },
		"nexmark-shards": func(c *market.Config) { c.Shards++ },
	} {
		other := c
		change(&other)
		if _, err := market.Run(t.Context(), other); !errors.Is(err, market.ErrOtherEvents) || !strings.Contains(err.Error(), what) {
			t.Errorf("another %s: %v", what, err)
		}
	}
	other := c
	other.Run, other.Events.Seed, other.Monitor = "other", 6, new(pipeline.Monitor)
	if _, err := market.Run(t.Context(), other); err != nil {
		t.Errorf("another run: %v", err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "NX_ROWS_q2"); err != nil {
		t.Fatal(err)
	}
	if _, err := market.Run(t.Context(), c); !errors.Is(err, market.ErrRowsGone) {
		t.Errorf("without its rows: %v", err)
	}
}

func TestFormsOfRows(t *testing.T) {
	t.Parallel()
	results := []market.Result{
		{Write: "rows", Verdict: "final", Window: "W", Row: json.RawMessage(`{"a":1,"b":"x & y"}`)},
		{Write: "rows", Verdict: "stable", Row: json.RawMessage(`{"a":12345678901234567}`)},
	}
	text, err := market.Text(results)
	if want := "1\tx & y\tfinal\n12345678901234567\tstable\n"; err != nil || string(text) != want {
		t.Errorf("text is %q (%v), want %q", text, err, want)
	}
	lines, err := market.JSON(results)
	want := `{"write":"rows","verdict":"final","window":"W","row":{"a":1,"b":"x & y"}}` + "\n" + `{"write":"rows","verdict":"stable","row":{"a":12345678901234567}}` + "\n"
	if err != nil || string(lines) != want {
		t.Errorf("JSON is %s (%v)", lines, err)
	}
	if _, err := market.Text([]market.Result{{Row: json.RawMessage(`{`)}}); err == nil {
		t.Error("half a row is printed")
	}
}

func TestNamesOfRuns(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{"": true, "a-B_9": true, "a.b": false, "a b": false, strings.Repeat("x", 50): true, strings.Repeat("x", 51): false} {
		if err := market.CheckRun(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	q, _ := queries.Find("q6s")
	if err := market.Pipeline(q, strings.Repeat("x", 50), 1).Err(); err != nil {
		t.Errorf("the longest name: %v", err)
	}
}
