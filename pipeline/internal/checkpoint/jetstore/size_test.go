package jetstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/checkpointtest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
)

// manySegments is a commit of n segments of one chunk each, so of n+1 messages.
func manySegments(t *testing.T, prefix string, n int) (checkpoint.Fence, []checkpoint.Segment) {
	t.Helper()
	segments := make([]checkpoint.Segment, n)
	for i := range segments {
		segments[i] = checkpointtest.NewSegment(t, fmt.Sprintf("%s%d", prefix, i), []byte{byte(i)})
	}
	return checkpointtest.NewFence("w", 1, 1, segments...), segments
}

// A commit of more messages than a batch takes is stored in several, and nobody sees it before all of it is there.
func TestMoreThanABatch(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Run(t))
	for i, n := range []int{999, 1000, 2500} {
		fence, segments := manySegments(t, fmt.Sprintf("n%d-", n), n)
		fence.Commit = uint64(i + 1)
		before, err := s.Load(testContext(t), shard)
		if err != nil && !errors.Is(err, checkpoint.ErrNone) {
			t.Fatal(err)
		}
		mustStand(t, s, mustCommit(t, s, before.Revision, fence, segments), fence)
	}
}

// The acknowledgement of what is stored ahead is lost, of each batch once; the commit stands all the same, and once.
func TestLostAcknowledgementAhead(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Run(t))
	lost := 0
	s.OnRequest(func(next jetstore.RequestFunc) jetstore.RequestFunc {
		return func(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
			reply, err := next(ctx, msg)
			if msg.Header.Get("Nats-Batch-Commit") != "" && lost < 2 {
				lost++
				return nil, context.DeadlineExceeded
			}
			return reply, err
		}
	})
	fence, segments := manySegments(t, "s", 2500)
	revision := mustCommit(t, s, 0, fence, segments)
	if lost != 2 || revision != 2501 {
		t.Errorf("%d acknowledgements were lost, and the fence stands at revision %d, want 2501", lost, revision)
	}
	mustStand(t, s, revision, fence)
}

// An owner whose fence was not accepted leaves nothing of what it stored ahead.
func TestLostRaceLeavesNothingAhead(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	s, other := open(t, server), open(t, server)
	winner, winnerSegments := step(t, "other", 1)
	onFence(s, func(_ int, send func() (*nats.Msg, error)) (*nats.Msg, error) {
		mustCommit(t, other, 0, winner, winnerSegments)
		return send()
	})
	fence, segments := manySegments(t, "s", 1500)
	_, err := s.Commit(testContext(t), shard, 0, fence, segments)
	wantError(t, err, checkpoint.ErrConflict)
	mustHave(t, s, "other-1")
}

// What a commit that never got to its fence has left is swept once there is a later fence.
func TestSweepOfWhatWasAhead(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	s, dying := open(t, server), open(t, server)
	ctx, die := context.WithCancel(testContext(t))
	onFence(dying, func(int, func() (*nats.Msg, error)) (*nats.Msg, error) {
		die()
		return nil, ctx.Err()
	})
	fence, segments := manySegments(t, "s", 1500)
	if _, err := dying.Commit(ctx, shard, 0, fence, segments); err == nil {
		t.Fatal("the commit stands")
	}
	if left, err := s.Segments(testContext(t), shard); err != nil || len(left) == 0 {
		t.Fatalf("nothing was stored ahead: %v", err)
	}
	later, laterSegments := step(t, "w", 1)
	revision := mustCommit(t, s, 0, later, laterSegments)
	if _, err := s.Sweep(testContext(t), shard, checkpoint.Loaded{Fence: later, Revision: revision}); err != nil {
		t.Fatal(err)
	}
	mustHave(t, s, "w-1")
}

func TestLowerBatchLimitOfServer(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Run(t, func(o *server.Options) { o.JetStreamLimits.MaxBatchSize = 3 }))
	fence, segments := manySegments(t, "s", 3)
	_, err := s.Commit(testContext(t), shard, 0, fence, segments)
	wantError(t, err, checkpoint.ErrTooLarge, "4 messages", "max_batch_size", "1000")
	fence, segments = manySegments(t, "r", 2)
	mustStand(t, s, mustCommit(t, s, 0, fence, segments), fence)
}

// TestMaxPayload finds the greatest chunk that is accepted, and that the server accepts it too.
func TestMaxPayload(t *testing.T) {
	t.Parallel()
	const limit = 64 << 10
	s := open(t, natstest.Run(t, func(o *server.Options) { o.MaxPayload = limit }))
	commit := func(size int) error {
		seg := checkpointtest.NewSegment(t, fmt.Sprintf("s%d", size), make([]byte, size))
		_, err := s.Commit(testContext(t), shard, 0, checkpointtest.NewFence("w", 1, 1, seg), []checkpoint.Segment{seg})
		return err
	}
	wantError(t, commit(limit), checkpoint.ErrTooLarge, "max_payload", fmt.Sprint(limit), "e1.count.3.seg.s65536.0")
	size := limit - 1
	for err := commit(size); err != nil; err = commit(size) {
		wantError(t, err, checkpoint.ErrTooLarge)
		size--
	}
	if size < limit-300 {
		t.Errorf("chunks beyond %d bytes are refused, the limit is %d", size, limit)
	}
	meta := checkpointtest.NewFence("w", 2, 2)
	meta.Meta = make([]byte, limit)
	_, err := s.Commit(testContext(t), shard, 2, meta, nil)
	wantError(t, err, checkpoint.ErrTooLarge, ".fence")
}

// TestLargeState commits and reads 70 MB, more than one batch takes, and never sends more than 8 MiB without an answer.
func TestLargeState(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Run(t))
	silent := 0
	s.OnRequest(func(next jetstore.RequestFunc) jetstore.RequestFunc {
		return func(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
			if strings.HasPrefix(msg.Subject, "$KV.") {
				silent = 0
			}
			return next(ctx, msg)
		}
	})
	s.OnPublish(func(next jetstore.PublishFunc) jetstore.PublishFunc {
		return func(msg *nats.Msg) error {
			if silent += len(msg.Data); silent > 8<<20 {
				t.Errorf("%d bytes were sent without an answer", silent)
			}
			return next(msg)
		}
	})
	var w checkpoint.SegmentWriter
	entry := bytes.Repeat([]byte("0123456789abcdef"), 2000)
	const entries = 70_000_000 / 32_000
	for i := range entries {
		entry[0] = byte(i)
		if err := w.Add(entry); err != nil {
			t.Fatal(err)
		}
	}
	seg := w.Finish("big", true)
	fence := checkpointtest.NewFence("w", 1, 1, seg)
	revision := mustCommit(t, s, 0, fence, []checkpoint.Segment{seg})
	if revision != uint64(seg.Ref.Chunks)+1 {
		t.Errorf("revision %d for %d chunks: the batch was sent more than once", revision, seg.Ref.Chunks)
	}
	n := 0
	err := s.Read(testContext(t), shard, seg.Ref, func(chunk []byte) error {
		return checkpoint.Entries(chunk, func(e []byte) error {
			if e[0] != byte(n) || len(e) != len(entry) {
				return fmt.Errorf("entry %d begins with %d and has %d bytes", n, e[0], len(e))
			}
			n++
			return nil
		})
	})
	if err != nil || n != entries {
		t.Errorf("read %d of %d entries, %v", n, entries, err)
	}
}

// A commit whose acknowledgement was lost, and that another owner has built on since, is in the state that stands: nothing of it is removed
// when its own owner hears that it was overtaken.
func TestOvertakenAheadIsKept(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	s, other := open(t, server), open(t, server)
	theirs, theirSegments := step(t, "other", 2)
	var revision uint64
	onFence(s, func(_ int, send func() (*nats.Msg, error)) (*nats.Msg, error) {
		if _, err := send(); err != nil {
			return nil, err
		}
		stands, err := other.Load(testContext(t), shard)
		if err != nil {
			return nil, err
		}
		theirs.Segments = append(slices.Clone(stands.Fence.Segments), theirs.Segments...)
		revision = mustCommit(t, other, stands.Revision, theirs, theirSegments)
		return nil, context.DeadlineExceeded
	})
	fence, segments := manySegments(t, "s", 1500)
	_, err := s.Commit(testContext(t), shard, 0, fence, segments)
	wantError(t, err, checkpoint.ErrConflict, "other")
	mustStand(t, s, revision, theirs)
}
