package adclicks_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/cmd/internal/adclicks"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	plan, err := adclicks.Pipeline(adclicks.Config{}).Explain()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"pipeline adclicks,", "2 shards, reads stream adclicks_EVENTS by adclicks.events.0, adclicks.events.1",
		"count >= 100", "to subject adclicks.alerts; stable", "to subject adclicks.top; final",
		"tumbling 10s", "lateness 2.5s", "points of order\n  seal clicks",
	} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan does not say %q:\n%s", want, plan)
		}
	}
	if _, err := adclicks.Pipeline(adclicks.Config{Window: -1}).Explain(); err == nil {
		t.Error("a window of negative size is accepted")
	}
}

// The pipeline says, on a real server, what the tally says.
func TestPipelineAgreesWithTally(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	for _, partitions := range []int{1, 3} {
		t.Run(fmt.Sprintf("partitions=%d", partitions), func(t *testing.T) {
			t.Parallel()
			conn := srv.Conn(t)
			js, err := jetstream.New(conn)
			if err != nil {
				t.Fatal(err)
			}
			c := adclicks.Config{Name: fmt.Sprintf("ads%d", partitions), Partitions: partitions, Window: 2 * time.Second, AlertAt: 75}
			for range 2 { // streams that exist are no reason to fail
				if err := adclicks.CreateStreams(t.Context(), js, c, 0); err != nil {
					t.Fatal(err)
				}
			}
			tally := adclicks.NewTally(c)
			load := adclicks.Load{Seed: 7, Start: time.Now().Add(-time.Hour), Partitions: partitions, Straggle: 5 * time.Second}
			for _, m := range take(load, 10_000) {
				tally.Add(m)
				if _, err := js.PublishAsync(c.EventSubject(m.Partition), m.Payload, jetstream.WithStallWait(time.Minute)); err != nil {
					t.Fatal(err)
				}
			}
			<-js.PublishAsyncComplete()
			if err := adclicks.End(t.Context(), js, c); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			mon := new(pipeline.Monitor)
			err = adclicks.Pipeline(c).Run(ctx, pipeline.Config{Conn: conn, Monitor: mon, Logger: slog.New(slog.DiscardHandler)})
			if err != nil || ctx.Err() != nil {
				t.Fatalf("error %v after %v: %+v", err, context.Cause(ctx), mon.Shards())
			}
			compare(t, js, c, tally, mon)
		})
	}
}

func compare(t *testing.T, js jetstream.JetStream, c adclicks.Config, tally *adclicks.Tally, mon *pipeline.Monitor) {
	t.Helper()
	var alerts, tops []string
	for _, w := range tally.Windows() {
		tops = append(tops, fmt.Sprint(stamp(w.Time()), w.Top()))
		for _, campaign := range w.Hot(c.AlertAt) {
			alerts = append(alerts, fmt.Sprint(stamp(w.Time()), adclicks.Alert{Campaign: campaign, AtLeast: c.AlertAt}))
		}
	}
	if len(alerts) == 0 || len(tops) < 5 || tally.Late == 0 || tally.Malformed == 0 {
		t.Fatalf("the load shows too little: %d alerts, %d windows, %d late, %d malformed", len(alerts), len(tops), tally.Late, tally.Malformed)
	}
	equal(t, "alerts", results[adclicks.Alert](t, js, c.AlertStream(), "stable"), alerts)
	equal(t, "rankings", results[[]adclicks.Ranked](t, js, c.TopStream(), "final"), tops)
	var late, dead uint64
	for _, s := range mon.Shards() {
		late, dead = late+s.Late, dead+s.DeadLetters
	}
	if late != tally.Late || dead != tally.Malformed {
		t.Errorf("%d late and %d dead letters, want %d and %d", late, dead, tally.Late, tally.Malformed)
	}
}

// results returns the windows and payloads of a stream as text.
func results[T any](t *testing.T, js jetstream.JetStream, stream, verdict string) (all []string) {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Header.Get(sinks.VerdictHeader); got != verdict {
			t.Errorf("%s has the verdict %q", m.Subject, got)
		}
		var v T
		if err := json.Unmarshal(m.Data, &v); err != nil {
			t.Fatal(err)
		}
		start, _, _ := strings.Cut(m.Header.Get(sinks.WindowHeader), "/")
		all = append(all, fmt.Sprint(start, v))
	}
	return all
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
