package pipeline_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go/jetstream"
)

// Where a run begins is resolved once. Whether it could still begin there does not matter later: what a checkpoint covers may leave the stream.
func TestWhatWasReadMayLeaveTheStream(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "ag", 1)
	for range 4 {
		in.put(t, 0, "a")
	}
	run := func(ctx context.Context, m *pipeline.Monitor) error {
		return numbers("ag", "ag", pipeline.Source[string]{StartSequence: 2}).Run(ctx, pipeline.Config{Conn: srv.Conn(t), Monitor: m, Logger: quiet})
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var monitor pipeline.Monitor
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, &monitor) }()
	natstest.Eventually(t, "it has read", func() bool { s := monitor.Shards(); return len(s) > 0 && s[0].Messages == 3 })
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "ag")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(4)); err != nil {
		t.Fatal(err)
	}
	in.end(t)
	if err := run(t.Context(), &monitor); err != nil {
		t.Fatal(err)
	}
	if got := finalCounts(t, js, "ag_OUT"); !maps.Equal(got, map[string]uint64{"a": 3}) {
		t.Errorf("got %v", got)
	}
}

// Messages that were deleted in the middle do not hide where an instant was.
func TestStartTimeWithHoles(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "ho", 1)
	const n = 12
	times := make([]time.Time, n+1)
	stream, err := js.Stream(t.Context(), "ho")
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= n; i++ {
		in.put(t, 0, "a")
		m, err := stream.GetMsg(t.Context(), uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		times[i] = m.Time
	}
	gone := map[uint64]bool{3: true, 4: true, 6: true, 7: true, 8: true, 11: true, 12: true}
	for seq := range gone {
		if err := stream.DeleteMsg(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i <= n; i++ {
		want := map[string]uint64{}
		for seq := i; seq <= n; seq++ {
			if !gone[uint64(seq)] {
				want["a"]++
			}
		}
		name := "ho-" + string(rune('a'+i))
		if err := numbers(name, "ho", pipeline.Source[string]{StartTime: times[i], Bounded: true}).Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Logger: quiet}); err != nil {
			t.Errorf("from %d: %v", i, err)
			continue
		}
		got := map[string]uint64{}
		if out, err := js.Stream(t.Context(), name+"_OUT"); err != nil {
			t.Fatal(err)
		} else if out.CachedInfo().State.Msgs > 0 {
			got = finalCounts(t, js, name+"_OUT")
		}
		if !maps.Equal(got, want) {
			t.Errorf("from %d: got %v, want %v", i, got, want)
		}
	}
}

// A sequence that the stream has not reached can only be a mistake, or the next one.
func TestStartSequenceBeyondTheEnd(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	in := newInput(t, srv.JetStream(t), "be", 1)
	in.put(t, 0, "a")
	for _, bounded := range []bool{false, true} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		err := numbers("be", "be", pipeline.Source[string]{StartSequence: 7, Bounded: bounded}).Run(ctx, pipeline.Config{Conn: srv.Conn(t), Logger: quiet})
		if err == nil || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "StartSequence") {
			t.Errorf("bounded %v: %v", bounded, err)
		}
	}
}
