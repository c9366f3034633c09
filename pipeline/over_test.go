package pipeline_test

import (
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/ownership"
	"github.com/nats-io/nats.go"
)

// A worker is ready also where a shard has fallen to it that others have brought to its end: it has nothing to do there. What counts as
// its own then is what others have left to do.
func TestReadyThoughOthersHaveFinished(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "ov", 2)
	in.put(t, 0, "a")
	type one struct {
		monitor pipeline.Monitor
		conn    *nats.Conn
		ended   chan error
	}
	begin := func(name string) *one {
		w := &one{conn: srv.Conn(t), ended: make(chan error, 1)}
		go func() {
			both := []string{"ov.in.0", "ov.in.1"}
			w.ended <- numbers("ov", "ov", pipeline.Source[string]{Subjects: both}).Run(t.Context(), pipeline.Config{Conn: w.conn, Worker: name, Monitor: &w.monitor, DrainTimeout: 1, Logger: quiet})
		}()
		return w
	}
	names := wholly(2, "lines", "counts")
	first := begin(names[0])
	natstest.Eventually(t, "it runs", first.monitor.Running)
	end := nats.NewMsg("ov.in.0")
	end.Header.Set("Calm-Seal", "end")
	if _, err := js.PublishMsg(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	done := func(m *pipeline.Monitor) (stages int) {
		for _, s := range m.Shards() {
			if s.Done {
				stages++
			}
		}
		return stages
	}
	natstest.Eventually(t, "one shard has ended", func() bool { return done(&first.monitor) == 1 })
	second := begin(names[1]) // it owns nothing, and so looks what has ended
	natstest.Eventually(t, "they know each other", func() bool { return len(second.monitor.Workers()) == 2 })
	first.conn.Close()
	if err := <-first.ended; err != nil { // it can store nothing any more, and may say so
		t.Logf("the first: %v", err)
	}
	natstest.Eventually(t, "the other runs what is left and is ready", func() bool {
		return len(second.monitor.Workers()) == 1 && second.monitor.Running()
	})
	if got := len(second.monitor.Shards()); got != 3 {
		t.Errorf("it runs %d shards, want the 3 that have not ended", got)
	}
	in.end(t)
	if err := <-second.ended; err != nil {
		t.Error(err)
	}
}

// wholly returns the names of two workers of which the first owns all shards of some stages.
func wholly(shards int, stages ...string) []string {
	for i := 0; ; i++ {
		names := []string{fmt.Sprint("w", i), fmt.Sprint("v", i)}
		all := true
		for _, stage := range stages {
			for shard := range shards {
				all = all && ownership.Owners(names, stage, shard, 1)[0] == names[0]
			}
		}
		if all {
			return names
		}
	}
}
