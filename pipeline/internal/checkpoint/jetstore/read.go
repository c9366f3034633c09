package jetstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// ahead is how many chunks are asked for before the first is used: enough to hide the way to the server, and at
// most 8 MiB of memory.
const ahead = 8

// Read implements checkpoint.Store. Several chunks are asked for at once.
func (s *Store) Read(ctx context.Context, id checkpoint.ShardID, ref checkpoint.SegmentRef, each func(chunk []byte) error) error {
	if err := errors.Join(id.Check(), ref.Check()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel()

	type result struct {
		chunk []byte
		err   error
	}
	var slots [ahead]chan result
	var replicasSilent atomic.Bool
	start := func(n int) {
		slot := make(chan result, 1)
		slots[n%ahead] = slot
		readers.Go(func() {
			chunk, err := s.chunk(ctx, s.chunkSubject(id, ref.ID, n), &replicasSilent)
			slot <- result{chunk, err}
		})
	}
	for n := range min(ahead, ref.Chunks) {
		start(n)
	}
	check := checkpoint.NewSegmentCheck(ref)
	for n := range ref.Chunks {
		got := <-slots[n%ahead]
		if errors.Is(got.err, errNotFound) {
			return fmt.Errorf("%w: chunk %d of segment %s of %v", checkpoint.ErrSegmentGone, n, ref.ID, id)
		}
		if got.err != nil {
			return fmt.Errorf("jetstore: chunk %d of segment %s of %v: %w", n, ref.ID, id, got.err)
		}
		if n+ahead < ref.Chunks {
			start(n + ahead)
		}
		check.Add(got.chunk)
		if err := each(got.chunk); err != nil {
			return err
		}
	}
	return check.Done()
}

// chunk reads one chunk from any replica, or from the leader if that replica does not have it or does not answer. What a
// replica has is right: a chunk is written once. That replicas are silent, because direct reads are off or
// not permitted, is found out once for a segment.
func (s *Store) chunk(ctx context.Context, subject string, replicasSilent *atomic.Bool) ([]byte, error) {
	if !replicasSilent.Load() {
		reply, err := s.ask(ctx, nats.NewMsg("$JS.API.DIRECT.GET."+s.name+"."+subject), s.patience)
		if err == nil && reply.Header.Get("Status") == "" && reply.Header.Get("Nats-Subject") == subject {
			return reply.Data, nil
		}
		replicasSilent.Store(err != nil)
	}
	msg, err := s.newest(ctx, subject)
	return msg.Data, err
}
