package engine_test

import (
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/engine"
	"github.com/nats-io/nats.go/jetstream"
)

// An owner that has heard nothing because it could not, as after an outage, gives up on no shard to which something has come: the
// stream is asked, and the shards beside it do not count.
func TestNobodyIsGivenUpOnUnheard(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "IN", Subjects: []string{"in.>"}, AllowDirect: true})
	if err != nil {
		t.Fatal(err)
	}
	filters := map[string][]string{"parts": {"in.*.a", "in.*.b.>"}, "whole": {""}}
	giveUp := func(name string, shard int, at uint64, want uint64) {
		t.Helper()
		source := &plan.SourceSpec{Stream: "IN", Filters: filters[name], Idle: time.Second}
		stage := &plan.Stage{Name: "in", Root: &plan.Node{Kind: plan.KindRead, Source: source}, Shards: len(source.Filters)}
		cut := &plan.Plan{Graph: &plan.Graph{Name: name}, Stages: []*plan.Stage{stage}, Fingerprint: name}
		if err := engine.GiveUp(t.Context(), srv.Conn(t), cut, shard, at); err != nil {
			t.Errorf("%s/%d at %d: %v", name, shard, at, err)
		}
		info, err := stream.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := info.State.LastSeq; got != want {
			t.Errorf("%s/%d given up on at %d: the stream has %d messages, want %d", name, shard, at, got, want)
		}
	}
	for _, subject := range []string{"in.x.a", "in.c.b.c", "in.y.a"} { // 1, 2, 3
		if _, err := js.Publish(t.Context(), subject, nil); err != nil {
			t.Fatal(err)
		}
	}
	giveUp("parts", 0, 2, 3)
	giveUp("parts", 1, 1, 3)
	giveUp("whole", 0, 2, 3)
	giveUp("parts", 1, 2, 4)
	giveUp("parts", 0, 3, 5)
	giveUp("whole", 0, 5, 6)
	if err := stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	giveUp("parts", 0, 0, 7) // where nothing is, nothing has come
}
