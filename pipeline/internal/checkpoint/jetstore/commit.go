package jetstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// Commit implements checkpoint.Store. It tries until the outcome is known or ctx ends. Segments that do not fit into one batch with
// the fence are stored ahead of it: they are immutable, and nobody knows of them until the fence names them.
//
// checkpoint.ErrConflict means that another owner's commit stands. If an acknowledgement was lost on the way, that one may have been made
// on top of this one. Any other error leaves the outcome open; calling Commit again with the same arguments tells it. It returns
// checkpoint.ErrTooLarge for what one message cannot take, checkpoint.ErrLost if the bucket
// has lost the fence that the commit builds on, and ErrSettings if atomic batches were switched off.
func (s *Store) Commit(ctx context.Context, id checkpoint.ShardID, revision uint64, fence checkpoint.Fence, segments []checkpoint.Segment, outputs ...checkpoint.Output) (uint64, error) {
	if err := errors.Join(checkpoint.CheckCommit(id, fence, segments), checkpoint.CheckOutputs(outputs)); err != nil {
		return 0, err
	}
	b, err := s.newBatch(id, revision, fence, segments, outputs)
	if err != nil {
		return 0, err
	}
	if len(b.ahead) > 0 {
		if now, err := s.sendAhead(ctx, id, revision, fence, b); err != nil {
			return 0, fmt.Errorf("jetstore: commit of %v at revision %d: %w", id, revision, err)
		} else if now > revision {
			return now, nil
		}
	}
	stored, err := s.commitBatch(ctx, id, revision, fence, b)
	if len(b.ahead) > 0 && errors.Is(err, checkpoint.ErrConflict) {
		s.dropAhead(ctx, id, b)
	}
	return stored, err
}

// commitBatch stores the batch with the fence.
func (s *Store) commitBatch(ctx context.Context, id checkpoint.ShardID, revision uint64, fence checkpoint.Fence, b *batch) (uint64, error) {
	var wait pause
	for attempt := 1; ; attempt++ {
		stored, failure := s.send(ctx, b.msgs)
		if failure == nil {
			s.confirmed(id, stored)
			return stored, nil
		}
		now, err := s.settle(ctx, id, revision, fence, failure, &wait)
		if err != nil {
			// The failure is told, not wrapped: a lost answer in it must not make the verdict look like one.
			return 0, fmt.Errorf("jetstore: commit of %v at revision %d: %w (the server's answer: %s)", id, revision, err, failure.Error())
		}
		if now > revision {
			return now, nil
		}
		if err := s.giveUp(ctx, b.msgs, failure, attempt); err != nil {
			return 0, fmt.Errorf("jetstore: commit of %v at revision %d: %w", id, revision, err)
		}
		s.log.Warn("a checkpoint was not accepted and is sent again", "bucket", s.bucket, "full", full(failure), "shard", id.String(), "attempt", attempt, "error", failure)
		if err := wait.wait(ctx, failure); err != nil {
			return 0, fmt.Errorf("jetstore: commit of %v at revision %d: %w", id, revision, err)
		}
	}
}

// settle finds out what has become of a commit that was not acknowledged, as outcome does.
func (s *Store) settle(ctx context.Context, id checkpoint.ShardID, revision uint64, fence checkpoint.Fence, failure error, wait *pause) (uint64, error) {
	now, err := s.outcome(ctx, id, revision, fence)
	if err == nil && now == revision && refused(failure) {
		// Whoever was faster is still under way. A moment for it to show is cheaper than sending the batch again.
		if err := wait.wait(ctx, failure); err != nil {
			return 0, err
		}
		return s.outcome(ctx, id, revision, fence)
	}
	return now, err
}

// outcome reads from the leader what has become of a commit: its revision if it stands, the old revision if nothing
// has changed, ErrConflict if another one stands.
func (s *Store) outcome(ctx context.Context, id checkpoint.ShardID, revision uint64, fence checkpoint.Fence) (uint64, error) {
	loaded, err := s.loadSince(ctx, id, revision)
	switch {
	case err != nil && !errors.Is(err, checkpoint.ErrNone):
		return 0, err
	case loaded.Revision == revision:
		return revision, nil
	case loaded.Fence.Writer == fence.Writer && loaded.Fence.Commit == fence.Commit:
		return loaded.Revision, nil
	}
	return 0, fmt.Errorf("%w: %s stands at revision %d", checkpoint.ErrConflict, loaded.Fence.Writer, loaded.Revision)
}

// giveUp returns an error if sending the batch again cannot help. The fence is known to be as it was before.
func (s *Store) giveUp(ctx context.Context, msgs []batchMsg, failure error, attempt int) error {
	switch {
	case refused(failure):
		// Either an earlier attempt is still under way and will show, or a chunk exists already. To look for
		// that at once would mistake the former for the latter.
		if attempt < doubts {
			return nil
		}
		return s.reused(ctx, msgs)
	case codeOf(failure) == codeAtomicOff:
		return s.checkSettings(s.withoutAtomic())
	case codeOf(failure) == codeBatchTooLarge:
		return fmt.Errorf("%w: a batch of %d messages: %w; raise max_batch_size of the server to %d",
			checkpoint.ErrTooLarge, len(msgs), failure, maxBatch)
	case passing(failure):
		return nil
	}
	return failure
}

// reused reports segments and outputs of the batch that are stored although the batch is not: their names were used before.
func (s *Store) reused(ctx context.Context, msgs []batchMsg) error {
	looked := ""
	for _, m := range msgs {
		segment, chunk := m.segment()
		if m.output == nil && (!chunk || segment == looked) {
			continue
		}
		looked = segment
		_, err := s.newest(ctx, m.subject)
		if err == nil && m.output != nil {
			return fmt.Errorf("the output %s is already stored: two results claim one place, or the bucket holds what an earlier life of the shard has left", m.subject)
		}
		if err == nil {
			return fmt.Errorf("segment %s is already stored; a commit needs IDs of its own", segment)
		}
		if !errors.Is(err, errNotFound) {
			return err
		}
	}
	return nil
}

// withoutAtomic is what the server says when it refuses a batch: our settings, but for one.
func (s *Store) withoutAtomic() jetstream.StreamConfig {
	cfg := s.settings(1)
	cfg.AllowAtomicPublish = false
	return cfg
}
