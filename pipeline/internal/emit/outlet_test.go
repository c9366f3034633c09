package emit_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/emit"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

// held is a sink whose writes wait until it is opened up.
type held struct {
	open chan struct{}

	mu     sync.Mutex
	stored []string
}

func (h *held) Target() string                                        { return "held" }
func (h *held) Open(context.Context, sinks.Env) (sinks.Writer, error) { return h, nil }
func (h *held) Close() error                                          { return nil }

func (h *held) Write(ctx context.Context, records []sinks.Record) error {
	select {
	case <-h.open:
	case <-ctx.Done():
		return ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range records {
		h.stored = append(h.stored, string(r.Payload))
	}
	return nil
}

// outletWorld is an outlet none of whose destinations takes anything yet: the sink waits, and the streams do not exist.
type outletWorld struct {
	js     jetstream.JetStream
	sink   *held
	write  *plan.Node
	outlet *emit.Outlet
}

func newOutletWorld(t *testing.T) *outletWorld {
	t.Helper()
	srv := natstest.Run(t)
	w := &outletWorld{js: srv.JetStream(t), sink: &held{open: make(chan struct{})}, write: writeBelow(plan.KindThreshold)}
	var err error
	w.outlet, err = emit.Open(t.Context(), emit.Config{
		Conn: srv.Conn(t), Pipeline: "p", Plan: &plan.Plan{Writes: []*plan.Node{w.write}, Fingerprint: "1"},
		Shard: checkpoint.ShardID{Stage: "in"}, Incarnation: 1,
		Sinks: map[*plan.Node]sinks.Sink{w.write: w.sink}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.outlet.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// makeStream makes the stream that a queue waits for.
func (w *outletWorld) makeStream(t *testing.T, subject string) {
	t.Helper()
	if _, err := w.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{subject}}); err != nil {
		t.Fatal(err)
	}
}

func (w *outletWorld) inStream(t *testing.T) (n int) {
	t.Helper()
	s, err := w.js.Stream(t.Context(), "S")
	if err != nil {
		t.Fatal(err)
	}
	return int(s.CachedInfo().State.Msgs)
}

// Outputs before checkpoints: a barrier does not pass while anything that was put before it waits in any of the queues. It
// passes once that is durable, whatever was put later.
func TestBarrierWaitsForEachQueue(t *testing.T) {
	t.Parallel()
	result := func(w *outletWorld) *shard.Outputs {
		return &shard.Outputs{Results: []shard.Result{{Write: w.write, Result: plan.Result{Payload: []byte("text")}}}}
	}
	rejected := func(late bool) func(*outletWorld) *shard.Outputs {
		return func(w *outletWorld) *shard.Outputs {
			r := plan.Rejected{Node: w.write, Meta: plan.Meta{Seq: 1}, Late: late, Err: errors.New("planted")}
			return &shard.Outputs{Rejected: []shard.Rejected{{Rejected: r}}}
		}
	}
	envelope := func(*outletWorld) *shard.Outputs {
		return &shard.Outputs{Envelopes: []shard.Envelope{{To: &plan.Stage{Name: "next"}, Data: []byte("records")}}}
	}
	for _, c := range []struct {
		name    string
		outputs func(*outletWorld) *shard.Outputs
		subject string // of the stream that is missing; empty for the sink
		later   func(*outletWorld) *shard.Outputs
	}{
		{"results", result, "", envelope},
		{"dead letters", rejected(false), "calm.dead.p.>", result},
		{"late records", rejected(true), "calm.late.p.>", result},
		{"envelopes", envelope, "calm.x.p.>", result},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newOutletWorld(t)
			if err := w.outlet.Put(t.Context(), c.outputs(w)); err != nil {
				t.Fatal(err)
			}
			barrier := w.outlet.Barrier()
			if err := w.outlet.Put(t.Context(), c.later(w)); err != nil { // which is never stored
				t.Fatal(err)
			}
			over, cancel := context.WithCancel(t.Context()) // a barrier that has no time to wait says how things stand
			cancel()
			if err := barrier(over); !errors.Is(err, context.Canceled) {
				t.Errorf("the barrier has passed, and nothing is stored: %v", err)
			}
			if c.subject == "" {
				close(w.sink.open)
			} else {
				w.makeStream(t, c.subject)
			}
			if err := barrier(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.sink.mu.Lock()
			defer w.sink.mu.Unlock()
			switch {
			case c.subject == "" && len(w.sink.stored) != 1:
				t.Errorf("the barrier has passed, and the sink holds %q", w.sink.stored)
			case c.subject != "" && w.inStream(t) != 1:
				t.Errorf("the barrier has passed, and the stream holds %d messages", w.inStream(t))
			}
		})
	}
}
