package checkpoint_test

import (
	"context"
	"errors"
	"testing"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/checkpointtest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	checkpointtest.Run(t, func(*testing.T) checkpoint.Store { return new(checkpoint.Memory) })
}

func TestMemoryFault(t *testing.T) {
	t.Parallel()
	ctx, id, fault := context.Background(), checkpoint.ShardID{Stage: "s"}, errors.New("fault")
	var failing string
	m := &checkpoint.Memory{Fault: func(op string) error {
		if op == failing {
			return fault
		}
		return nil
	}}
	seg := sampleSegment(t)
	fence := checkpoint.Fence{Writer: "w", Commit: 1, Segments: []checkpoint.SegmentRef{seg.Ref}}
	commit := func() (uint64, error) { return m.Commit(ctx, id, 0, fence, []checkpoint.Segment{seg}) }

	failing = checkpoint.OpCommit
	if _, err := commit(); !errors.Is(err, fault) {
		t.Fatalf("got %v", err)
	}
	failing = ""
	if _, err := m.Load(ctx, id); !errors.Is(err, checkpoint.ErrNone) {
		t.Fatalf("a failed commit was stored: %v", err)
	}

	failing = checkpoint.OpAcknowledge
	if _, err := commit(); !errors.Is(err, fault) {
		t.Fatalf("got %v", err)
	}
	failing = ""
	if got, err := m.Load(ctx, id); err != nil || got.Fence.Commit != 1 {
		t.Fatalf("a commit whose acknowledgement was lost is not stored: %+v, %v", got, err)
	}
	if revision, err := commit(); err != nil || revision != 1 {
		t.Fatalf("the commit is not recognized as done: %d, %v", revision, err)
	}

	for _, c := range []struct {
		op   string
		call func() error
	}{
		{checkpoint.OpLoad, func() error { _, err := m.Load(ctx, id); return err }},
		{checkpoint.OpRead, func() error { return m.Read(ctx, id, seg.Ref, func([]byte) error { return nil }) }},
		{checkpoint.OpRemove, func() error { return m.Remove(ctx, id, []checkpoint.SegmentRef{seg.Ref}) }},
	} {
		if failing = c.op; !errors.Is(c.call(), fault) {
			t.Errorf("%s did not fail", c.op)
		}
		if failing = ""; c.call() != nil {
			t.Errorf("%s fails without a fault", c.op)
		}
	}
}

func TestMemoryHonoursContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var m checkpoint.Memory
	if _, err := m.Load(ctx, checkpoint.ShardID{Stage: "s"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
