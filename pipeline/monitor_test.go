package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

func TestMonitorSaysWhenThePipelineRuns(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	in := newInput(t, srv.JetStream(t), "mon", 2)
	var mon pipeline.Monitor
	if mon.Running() {
		t.Error("a pipeline runs that was never started")
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	run := func(ctx context.Context) {
		ended <- wordcount("mon", 2, 10).Run(ctx, pipeline.Config{Conn: srv.Conn(t), Monitor: &mon, Logger: quiet})
	}
	go run(ctx)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !mon.Running() {
		select {
		case err := <-ended:
			t.Fatalf("the pipeline ended before it ran: %v", err)
		case <-tick.C:
		}
	}
	if got := len(mon.Shards()); got != 6 { // two that read, and two behind each exchange
		t.Errorf("%d shards run, want 6", got)
	}
	for _, s := range mon.Shards() {
		if !s.Running {
			t.Errorf("the pipeline runs, but %s/%d does not", s.Stage, s.Shard)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if mon.Running() {
		t.Error("a pipeline runs that was stopped")
	}

	in.end(t)
	go run(t.Context())
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if !mon.Running() {
		t.Errorf("a pipeline that has read its input to the end counts as running: %+v", mon.Shards())
	}
}

// Guarantee 7: a pipeline whose results are monotone waits for nothing, also across an exchange; a window that is sealed
// counts as a wait.
func TestNoCoordinationOnMonotonePaths(t *testing.T) {
	t.Parallel()
	for name, sealed := range map[string]bool{"alerts": false, "finals": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := natstest.Run(t)
			in := newInput(t, srv.JetStream(t), name, 2)
			for i := range 100 {
				in.put(t, i, fmt.Sprintf("a b%d", i%7))
			}
			in.end(t)
			p := pipeline.New(name)
			subjects := []string{name + ".in.0", name + ".in.1"}
			lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: name, Subjects: subjects, Decode: pipeline.Text})
			words := operators.KeyBy(operators.FlatMap(lines, strings.FieldsSeq), "word", strings.ToLower)
			counts := operators.Count("counts", words)
			often := operators.Threshold(counts, crdt.AtLeast(10))
			pipeline.Write(p, "often", often, sinks.Subject{Name: name + ".often", Stream: name + "_OFTEN"}, pipeline.EncodeText)
			if sealed {
				finals := operators.Finals(operators.Seal(counts, operators.EndOfInput()))
				pipeline.Write(p, "finals", finals, sinks.Subject{Name: name + ".out", Stream: name + "_OUT"}, pipeline.EncodeJSON)
			}
			var mon pipeline.Monitor
			if err := p.Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Monitor: &mon, Logger: quiet}); err != nil {
				t.Fatal(err)
			}
			waits := uint64(0)
			for _, s := range mon.Shards() {
				waits += s.CoordinationWaits
			}
			if (waits > 0) != sealed || len(stored(t, srv.JetStream(t), name+"_OFTEN")) == 0 {
				t.Errorf("%d waits: %+v", waits, mon.Shards())
			}
		})
	}
}

func TestMissingInput(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	err := wordcount("gone", 1, 10).Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Logger: quiet})
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("%v is not ErrStreamNotFound", err)
	}
	if err == nil || !strings.Contains(err.Error(), `the stream "gone" that lines reads does not exist; create it`) || strings.Contains(err.Error(), "\n") {
		t.Errorf("not one clear sentence: %v", err)
	}
}
