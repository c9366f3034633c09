package jetstore_test

import (
	"bytes"
	"context"
	"fmt"
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
func manySegments(t *testing.T, n int) (checkpoint.Fence, []checkpoint.Segment) {
	t.Helper()
	segments := make([]checkpoint.Segment, n)
	for i := range segments {
		segments[i] = checkpointtest.NewSegment(t, fmt.Sprintf("s%d", i), []byte{byte(i)})
	}
	return checkpointtest.NewFence("w", 1, 1, segments...), segments
}

func TestBatchLimit(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Run(t))
	sent := 0
	s.OnPublish(func(next jetstore.PublishFunc) jetstore.PublishFunc {
		return func(msg *nats.Msg) error { sent++; return next(msg) }
	})
	fence, segments := manySegments(t, 1000)
	_, err := s.Commit(testContext(t), shard, 0, fence, segments)
	wantError(t, err, checkpoint.ErrTooLarge, "1001 messages", "1000", "bytes")
	if sent > 0 {
		t.Errorf("%d messages were sent of a batch that cannot be taken", sent)
	}
	_, err = s.Load(testContext(t), shard)
	wantError(t, err, checkpoint.ErrNone)

	fence, segments = manySegments(t, 999)
	mustStand(t, s, mustCommit(t, s, 0, fence, segments), fence)
}

func TestLowerBatchLimitOfServer(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Run(t, func(o *server.Options) { o.JetStreamLimits.MaxBatchSize = 3 }))
	fence, segments := manySegments(t, 3)
	_, err := s.Commit(testContext(t), shard, 0, fence, segments)
	wantError(t, err, checkpoint.ErrTooLarge, "4 messages", "max_batch_size")
	fence, segments = manySegments(t, 2)
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

// TestLargeState commits and reads 60 MB at once, and never sends more than 8 MiB without an answer.
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
	const entries = 60_000_000 / 32_000
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
