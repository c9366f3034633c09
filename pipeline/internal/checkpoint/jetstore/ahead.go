package jetstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// sendAhead stores the chunks of a commit that do not fit into the batch of its fence. Before, it looks whether the commit can still
// succeed, or has: it returns what outcome does.
func (s *Store) sendAhead(ctx context.Context, id checkpoint.ShardID, revision uint64, fence checkpoint.Fence, b *batch) (uint64, error) {
	now, err := s.outcome(ctx, id, revision, fence)
	if err != nil || now > revision {
		return now, err
	}
	for _, msgs := range b.ahead {
		if err := s.store(ctx, id, msgs); err != nil {
			return 0, err
		}
	}
	return now, nil
}

// store stores a batch of chunks. That they are stored already is success: the ID of a segment belongs to one commit, so that they are from
// an attempt whose acknowledgement was lost.
func (s *Store) store(ctx context.Context, id checkpoint.ShardID, msgs []batchMsg) error {
	var wait pause
	for attempt := 1; ; attempt++ {
		failure := s.sendChunks(ctx, msgs)
		if failure == nil {
			return nil
		}
		if refused(failure) || passing(failure) {
			last := msgs[len(msgs)-1]
			got, err := s.newest(ctx, last.subject)
			switch {
			case err == nil && bytes.Equal(got.Data, last.data):
				return nil
			case err != nil && !errors.Is(err, errNotFound):
				return fmt.Errorf("%w (the server's answer: %s)", err, failure.Error())
			}
		}
		if err := s.giveUp(ctx, msgs, failure, attempt); err != nil {
			return err
		}
		s.log.Warn("a part of a checkpoint was not accepted and is sent again", "bucket", s.bucket, "full", full(failure), "shard", id.String(), "attempt", attempt, "error", failure)
		if err := wait.wait(ctx, failure); err != nil {
			return err
		}
	}
}

// sendChunks makes one attempt to store chunks. A single one needs no batch, which the server would stage, and sync, before it stores it.
func (s *Store) sendChunks(ctx context.Context, msgs []batchMsg) error {
	if len(msgs) > 1 {
		_, err := s.send(ctx, msgs)
		return err
	}
	msg := nats.NewMsg(msgs[0].subject)
	msg.Data = msgs[0].data
	msg.Header.Set(headerExpected, "0")
	_, err := s.sendAndWait(ctx, msg, s.patience)
	return err
}

// dropAhead removes what was stored ahead of a commit that another owner was faster than, unless that one has built on it. The fence
// that stands is newer than the one that the commit builds on: if it leaves a segment of the commit out, none will ever name it.
func (s *Store) dropAhead(ctx context.Context, id checkpoint.ShardID, b *batch) {
	standing, err := s.fence(ctx, id)
	if err != nil {
		return // Sweep finds it
	}
	for _, segment := range b.segments {
		if slices.ContainsFunc(standing.Fence.Segments, func(ref checkpoint.SegmentRef) bool { return ref.ID == segment }) {
			continue
		}
		if err := s.purge(ctx, id, segment, 0); err != nil {
			s.log.Debug("a part of a checkpoint that was not accepted stays", "shard", id.String(), "error", err)
		}
	}
}
