package emit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/emit"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

// openOutbox opens an outlet that has an outbox and nothing else.
func openOutbox(t *testing.T, progress *emit.Progress) (shard.Outbox, *plan.Node) {
	t.Helper()
	conn, write := natstest.Run(t).Conn(t), writeBelow(plan.KindThreshold)
	sink := sinks.Outbox{Name: "a.b", Stream: "T"}
	outlet, err := emit.Open(t.Context(), emit.Config{
		Conn: conn, Pipeline: "p", Plan: &plan.Plan{Writes: []*plan.Node{write}, Fingerprint: "1"},
		Shard: checkpoint.ShardID{Stage: "in"}, Incarnation: 1, Sinks: map[*plan.Node]sinks.Sink{write: sink},
		Progress: map[string]*emit.Progress{sink.Token(): progress}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := outlet.Close(); err != nil {
			t.Error(err)
		}
	})
	return outlet.Outbox(), write
}

// A commit waits while the stream of the outbox is far behind what this owner has stored, and goes on when it has caught up.
func TestOutboxBounds(t *testing.T) {
	t.Parallel()
	var progress emit.Progress
	box, _ := openOutbox(t, &progress)
	outputs := make([]checkpoint.Output, 900)
	for i := range outputs {
		outputs[i] = checkpoint.Output{Name: fmt.Sprintf("a/b.stable.%d", i)}
	}
	room := func() bool {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // one that has no time to wait
		err := box.Room(ctx)
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		return err == nil
	}
	stored := 0
	for ; room(); stored++ {
		if stored > 100 {
			t.Fatal("there is room without end")
		}
		box.Stored(outputs, uint64(1000*(stored+1)))
	}
	if n := stored * len(outputs); n < 1<<14 || n > 1<<14+len(outputs) {
		t.Errorf("the room is for %d results", n)
	}
	if got, want := progress.Newest(), uint64(1000*stored-1); got != want {
		t.Errorf("the newest output is at %d, want %d, before the fence", got, want)
	}
	waited := make(chan error, 1)
	go func() { waited <- box.Room(t.Context()) }()
	progress.Reach(998) // all but one of the first commit
	if room() {
		t.Error("there is room before the stream has the first commit")
	}
	progress.Reach(1999)
	select {
	case err := <-waited:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("there is no room although the stream has two commits")
	}
	progress.Reach(5) // which says nothing new
	if progress.Reach(progress.Newest()); progress.Newest() != 0 {
		t.Errorf("%d is still missing", progress.Newest())
	}
}

// What a result leaves as, and that one which cannot leave stops the shard.
func TestOutputOfAResult(t *testing.T) {
	t.Parallel()
	box, write := openOutbox(t, new(emit.Progress))
	result := func(size int) *shard.Result {
		return &shard.Result{Write: write, Result: plan.Result{Payload: []byte(strings.Repeat("x", size)), Meta: plan.Meta{Seq: 7}}}
	}
	out, owed, err := box.Output(result(3))
	if err != nil || !owed || out.Outbox() != "a/b" || string(out.Data) != "xxx" {
		t.Errorf("%+v, %v, %v", out, owed, err)
	}
	if want := "a/b.stable.e1." + write.Name + ".in.0.1.7.0"; out.Name != want {
		t.Errorf("it leaves as %s, want %s", out.Name, want)
	}
	if err := checkpoint.CheckOutputs([]checkpoint.Output{out}); err != nil {
		t.Error(err)
	}
	if _, _, err := box.Output(result(701 << 10)); !errors.Is(err, sinks.ErrPermanent) {
		t.Errorf("a result that is too large: %v", err)
	}
	other := result(1)
	other.Write = writeBelow(plan.KindThreshold)
	if _, owed, err := box.Output(other); owed || err != nil {
		t.Errorf("the result of another write is owed: %v, %v", owed, err)
	}
}
