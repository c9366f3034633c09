package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
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
