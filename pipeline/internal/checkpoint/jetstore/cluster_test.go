package jetstore_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/checkpointtest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
)

// TestLeadersStepDown lets two owners commit steps to one shard while the leader of the bucket is replaced again and again. Each
// step is in the chain exactly once, and positions never go back. An owner who loses an acknowledgement, and then the race,
// finds out from the chain whether its step is in it.
func TestLeadersStepDown(t *testing.T) {
	t.Parallel()
	const owners, steps, downs = 2, 60, 6
	cluster := natstest.RunCluster(t, 3)
	ctx := testContext(t)
	stores := make([]*jetstore.Store, owners)
	for i := range stores {
		s, err := jetstore.Open(ctx, jetstore.Config{Conn: cluster.Servers[i].Conn(t), Pipeline: "p", Epoch: "e1", Replicas: 3, Logger: logger(t)})
		if err != nil {
			t.Fatal(err)
		}
		s.SetPatience(time.Second)
		stores[i] = s
	}
	var done atomic.Int32
	var group sync.WaitGroup
	for i, s := range stores {
		group.Go(func() {
			c := chain{store: s, writer: fmt.Sprintf("owner%d", i)}
			for range steps {
				if err := c.extend(t); err != nil {
					t.Errorf("owner %d: %v", i, err)
					return
				}
				done.Add(1)
			}
		})
	}
	for n := range int32(downs) {
		due := (n + 1) * owners * steps / (downs + 1)
		natstest.Eventually(t, fmt.Sprintf("%d commits are done", due), func() bool { return done.Load() >= due || t.Failed() })
		cluster.StepDown(t, "KV_calm_p")
	}
	group.Wait()

	got, err := stores[0].Load(ctx, shard)
	if err != nil || got.Fence.Position.Seq != owners*steps || len(got.Fence.Segments) != owners*steps {
		t.Fatalf("%d commits led to position %d with %d segments, %v", owners*steps, got.Fence.Position.Seq, len(got.Fence.Segments), err)
	}
	mustStand(t, stores[1], got.Revision, got.Fence)
	// Every commit stored one chunk and one fence, once: revisions are two apart.
	if got.Revision != 2*owners*steps {
		t.Errorf("the chain ends at revision %d, want %d", got.Revision, 2*owners*steps)
	}
}

// chain is an owner that extends the chain of checkpoints one step at a time.
type chain struct {
	store  *jetstore.Store
	writer string
	commit uint64
	tried  string // the segment of the last attempt
	last   uint64 // the position it has seen
}

func (c *chain) extend(t *testing.T) error {
	t.Helper()
	for {
		old, err := c.store.Load(testContext(t), shard)
		if err != nil && !errors.Is(err, checkpoint.ErrNone) {
			return err
		}
		if old.Fence.Position.Seq < c.last {
			return fmt.Errorf("position %d after %d", old.Fence.Position.Seq, c.last)
		}
		if slices.ContainsFunc(old.Fence.Segments, func(ref checkpoint.SegmentRef) bool { return ref.ID == c.tried }) {
			c.tried = ""
			return nil
		}
		c.commit++
		c.tried = fmt.Sprintf("%s-%d", c.writer, c.commit)
		seg := checkpointtest.NewSegment(t, c.tried, []byte(c.writer))
		next := old.Fence
		next.Writer, next.Commit = c.writer, c.commit
		next.Position.Seq++
		next.Segments = append(slices.Clone(next.Segments), seg.Ref)
		_, err = c.store.Commit(testContext(t), shard, old.Revision, next, []checkpoint.Segment{seg})
		if err == nil {
			c.tried, c.last = "", next.Position.Seq
			return nil
		}
		if !errors.Is(err, checkpoint.ErrConflict) {
			return err
		}
		c.last = old.Fence.Position.Seq
	}
}
