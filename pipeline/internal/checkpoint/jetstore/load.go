package jetstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// doubts is how often an answer that ought to be impossible is asked for again before it is believed, which takes
// some three seconds: a leader that is just being replaced may give it in good faith.
const doubts = 8

// stored is a message as the leader of the stream returns it.
type stored struct {
	Seq    uint64 `json:"seq"`
	Header []byte `json:"hdrs"`
	Data   []byte `json:"data"`
}

// Load implements checkpoint.Store. It returns checkpoint.ErrLost if the fence is gone, or older than one that this store has seen.
func (s *Store) Load(ctx context.Context, id checkpoint.ShardID) (checkpoint.Loaded, error) {
	if err := id.Check(); err != nil {
		return checkpoint.Loaded{}, err
	}
	return s.loadSince(ctx, id, s.newestSeen(id))
}

// loadSince reads the newest fence from the leader, which must be at the given revision or later.
func (s *Store) loadSince(ctx context.Context, id checkpoint.ShardID, revision uint64) (checkpoint.Loaded, error) {
	var wait pause
	for round := 1; ; round++ {
		loaded, err := s.fence(ctx, id)
		none := errors.Is(err, checkpoint.ErrNone)
		switch {
		case err != nil && !none:
			return checkpoint.Loaded{}, err
		case loaded.Revision >= revision:
			if !none {
				s.confirmed(id, loaded.Revision)
			}
			return loaded, err
		case round == doubts:
			return checkpoint.Loaded{}, s.lost(ctx, id, revision, loaded.Revision)
		}
		if err := wait.wait(ctx, nil); err != nil {
			return checkpoint.Loaded{}, fmt.Errorf("jetstore: load of %v: %w", id, err)
		}
	}
}

// fence reads the newest fence from the leader, whatever it is.
func (s *Store) fence(ctx context.Context, id checkpoint.ShardID) (checkpoint.Loaded, error) {
	msg, err := s.newest(ctx, s.fenceSubject(id))
	if errors.Is(err, errNotFound) {
		return checkpoint.Loaded{}, fmt.Errorf("%w: %v", checkpoint.ErrNone, id)
	}
	if err != nil {
		return checkpoint.Loaded{}, fmt.Errorf("jetstore: fence of %v: %w", id, err)
	}
	fence, err := checkpoint.DecodeFence(msg.Data)
	if err != nil {
		return checkpoint.Loaded{}, fmt.Errorf("jetstore: fence of %v at revision %d of bucket %s: %w", id, msg.Seq, s.bucket, err)
	}
	return checkpoint.Loaded{Fence: fence, Revision: msg.Seq}, nil
}

// lost says what has become of a fence that was acknowledged.
func (s *Store) lost(ctx context.Context, id checkpoint.ShardID, was, now uint64) error {
	reason := "the bucket was purged or rolled back"
	if info, err := s.stream.Info(ctx); err == nil && !info.Created.Equal(s.created) {
		reason = fmt.Sprintf("the bucket was made again at %v", info.Created)
	}
	return fmt.Errorf("%w: %v was at revision %d of bucket %s and is now at %d: %s; restore the bucket, or start a new epoch",
		checkpoint.ErrLost, id, was, s.bucket, now, reason)
}

// newest reads the newest message of a subject from the leader of the stream, never from a replica. It
// tries until the leader answers or ctx ends.
func (s *Store) newest(ctx context.Context, subject string) (stored, error) {
	req := struct {
		Last string `json:"last_by_subj"`
	}{subject}
	var wait pause
	for {
		var resp struct {
			answer
			Message stored `json:"message"`
		}
		err := s.api(ctx, "$JS.API.STREAM.MSG.GET."+s.name, req, &resp, func() *jetstream.APIError { return resp.Error })
		switch {
		case err == nil && resp.Message.Seq > 0:
			return resp.Message, nil
		case err == nil:
			return stored{}, fmt.Errorf("jetstore: the leader's answer for %s has no message", subject)
		case codeOf(err) == jetstream.JSErrCodeMessageNotFound:
			return stored{}, errNotFound
		case codeOf(err) == jetstream.JSErrCodeStreamNotFound:
			return stored{}, fmt.Errorf("%w: bucket %s (stream %s) was deleted", checkpoint.ErrLost, s.bucket, s.name)
		case !passing(err):
			return stored{}, err
		}
		s.log.Warn("the leader of the checkpoint bucket does not answer; trying again", "subject", subject, "error", err)
		if err := wait.wait(ctx, err); err != nil {
			return stored{}, err
		}
	}
}
