package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/engine"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// twoReceivers is a plan of a stage behind an exchange.
func twoReceivers(name string) (*plan.Plan, [2]checkpoint.ShardID) {
	stage := &plan.Stage{Name: "counts", Root: &plan.Node{}, Shards: 2, From: []*plan.Stage{{Name: "in", Shards: 1}}}
	p := &plan.Plan{Graph: &plan.Graph{Name: name}, Stages: []*plan.Stage{stage}, Fingerprint: "0123456789abcdef"}
	return p, [2]checkpoint.ShardID{{Stage: "counts", Shard: 0}, {Stage: "counts", Shard: 1}}
}

// What a receiver elsewhere has not saved yet stays in the exchange, however far this worker's are.
func TestOnlyWhatAllHaveSavedIsPurged(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	p, ids := twoReceivers("low")
	store, err := jetstore.Open(t.Context(), jetstore.Config{Conn: conn, Pipeline: "low", Epoch: p.Epoch()})
	if err != nil {
		t.Fatal(err)
	}
	lowest := func(mine map[checkpoint.ShardID]uint64) uint64 {
		t.Helper()
		at, err := engine.Lowest(t.Context(), conn, p, mine)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	if at, err := engine.Lowest(t.Context(), conn, p, map[checkpoint.ShardID]uint64{ids[0]: 9}); !errors.Is(err, checkpoint.ErrNone) {
		t.Errorf("a receiver that has saved nothing: up to %d, %v", at, err)
	}
	for i, at := range []uint64{5, 7} {
		if _, err := store.Commit(t.Context(), ids[i], 0, checkpoint.Fence{Writer: "w", Commit: 1, Position: checkpoint.Position{Incarnation: 1, Seq: at}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		mine map[checkpoint.ShardID]uint64
		want uint64
	}{
		{nil, 5},
		{map[checkpoint.ShardID]uint64{ids[0]: 9}, 7},
		{map[checkpoint.ShardID]uint64{ids[1]: 9}, 5},
		{map[checkpoint.ShardID]uint64{ids[0]: 0}, 0}, // begun, and not loaded yet
		{map[checkpoint.ShardID]uint64{ids[0]: 9, ids[1]: 8}, 8},
	} {
		if got := lowest(c.mine); got != c.want {
			t.Errorf("%v: up to %d, want %d", c.mine, got, c.want)
		}
	}
}

// Workers hear of each other in a bucket of whoever made it, also one whose server forgets no keys; and who was heard of too long
// ago to be there is not on the roster of a worker that comes.
func TestAnnouncements(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	p, _ := twoReceivers("ann")
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "KV_calm_ann", Subjects: []string{"$KV.calm_ann.>"}, MaxMsgsPerSubject: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "$KV.calm_ann."+p.Epoch()+".worker.old", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	published := time.Now()
	natstest.Eventually(t, "that announcement is old", func() bool { return time.Since(published) > 2*time.Second })
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	first, second, ended := make(chan []string), make(chan []string), make(chan error, 2)
	go func() { ended <- engine.Announce(ctx, srv.Conn(t), p, "first", first) }()
	select {
	case got := <-first:
		if !slices.Equal(got, []string{"first"}) {
			t.Errorf("alone: %v", got)
		}
	case err := <-ended:
		t.Fatal(err)
	}
	leaving, leave := context.WithCancel(ctx)
	go func() { ended <- engine.Announce(leaving, srv.Conn(t), p, "second", second) }()
	for name, views := range map[string]chan []string{"first": first, "second": second} {
		if got := <-views; !slices.Equal(got, []string{"first", "second"}) {
			t.Errorf("%s: %v", name, got)
		}
	}
	leave()
	if got := <-first; !slices.Equal(got, []string{"first"}) {
		t.Errorf("alone again: %v", got)
	}
	stop()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// A worker whose announcements nobody confirms is the one that is cut off: it does not take the silence of another for its death.
func TestWhoIsCutOffJudgesNobody(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	p, _ := twoReceivers("cut")
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "KV_calm_cut", Subjects: []string{"$KV.calm_cut.>"}, MaxMsgsPerSubject: 1}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	first, second, ended := make(chan []string), make(chan []string), make(chan error, 2)
	conn := srv.Conn(t)
	go func() { ended <- engine.Announce(ctx, conn, p, "second", second) }()
	if got := <-second; !slices.Equal(got, []string{"second"}) {
		t.Fatalf("alone: %v", got)
	}
	go func() { ended <- engine.Announce(ctx, srv.Conn(t), p, "first", first) }()
	for name, views := range map[string]chan []string{"first": first, "second": second} {
		if got := <-views; !slices.Equal(got, []string{"first", "second"}) {
			t.Fatalf("%s: %v", name, got)
		}
	}
	if err := js.DeleteStream(t.Context(), "KV_calm_cut"); err != nil { // so that nothing is confirmed any more
		t.Fatal(err)
	}
	conn.Close()
	select {
	case got := <-first:
		t.Errorf("without a confirmation the first worker judges that there are %v", got)
	case <-time.After(8 * time.Second): // five announcements have gone without an answer for as long as each may take
	}
	stop()
	for range 2 {
		if err := <-ended; err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			t.Error(err)
		}
	}
}
