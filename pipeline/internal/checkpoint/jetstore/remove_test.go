package jetstore_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/checkpointtest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
)

func TestSweep(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Run(t))
	if swept, err := s.Sweep(testContext(t), shard, checkpoint.Loaded{}); err != nil || swept != nil {
		t.Fatalf("swept %v, %v of a shard without a fence", swept, err)
	}
	revision := uint64(0)
	for n := uint64(1); n <= 3; n++ {
		fence, segments := step(t, "w", n)
		revision = mustCommit(t, s, revision, fence, segments)
	}
	neighbour := checkpoint.ShardID{Stage: shard.Stage, Shard: shard.Shard + 1}
	fence, segments := step(t, "w", 1)
	if _, err := s.Commit(testContext(t), neighbour, 0, fence, segments); err != nil {
		t.Fatal(err)
	}
	mustHave(t, s, "w-1", "w-2", "w-3")
	loaded, err := s.Load(testContext(t), shard)
	if err != nil {
		t.Fatal(err)
	}
	swept, err := s.Sweep(testContext(t), shard, loaded)
	if err != nil || !slices.Equal(swept, []string{"w-1", "w-2"}) {
		t.Fatalf("swept %v, %v", swept, err)
	}
	mustHave(t, s, "w-3")
	mustStand(t, s, loaded.Revision, loaded.Fence)
	if ids, err := s.Segments(testContext(t), neighbour); err != nil || !slices.Equal(ids, []string{"w-1"}) {
		t.Errorf("the neighbour has segments %v, %v", ids, err)
	}
}

// TestSweepSparesNewerCommits sweeps with a fence that is no longer the newest: what came after it stays.
func TestSweepSparesNewerCommits(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	s, other := open(t, server), open(t, server)
	waste, wasteSegments := step(t, "w", 1)
	revision := mustCommit(t, s, 0, waste, wasteSegments)
	fence, segments := step(t, "w", 2)
	revision = mustCommit(t, s, revision, fence, segments)
	loaded, err := s.Load(testContext(t), shard)
	if err != nil {
		t.Fatal(err)
	}
	newer, newerSegments := step(t, "other", 3)
	newerRevision := mustCommit(t, other, revision, newer, newerSegments)
	if _, err := s.Sweep(testContext(t), shard, loaded); err != nil {
		t.Fatal(err)
	}
	mustStand(t, s, newerRevision, newer)
	mustHave(t, s, "other-3", "w-2")
}

// TestRemoveReportsFailure loses the answer to one removal: the other is done, and the error names the one.
func TestRemoveReportsFailure(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Run(t))
	s.OnRequest(func(next jetstore.RequestFunc) jetstore.RequestFunc {
		return func(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
			if strings.Contains(msg.Subject, "PURGE") && strings.Contains(string(msg.Data), ".seg.a.") {
				return nil, context.DeadlineExceeded
			}
			return next(ctx, msg)
		}
	})
	a, b := checkpointtest.NewSegment(t, "a", []byte("a")), checkpointtest.NewSegment(t, "b", []byte("b"))
	revision := mustCommit(t, s, 0, checkpointtest.NewFence("w", 1, 1, a, b), []checkpoint.Segment{a, b})
	mustCommit(t, s, revision, checkpointtest.NewFence("w", 2, 2), nil)
	err := s.Remove(testContext(t), shard, []checkpoint.SegmentRef{a.Ref, b.Ref})
	wantError(t, err, context.DeadlineExceeded, "segment a")
	mustHave(t, s, "a")
}

func mustHave(t *testing.T, s *jetstore.Store, want ...string) {
	t.Helper()
	if got, err := s.Segments(testContext(t), shard); err != nil || !slices.Equal(got, want) {
		t.Fatalf("segments %v, %v; want %v", got, err, want)
	}
}
