package jetstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// ErrTaken is returned by Establish when the epoch has fences or run records already.
var ErrTaken = errors.New("jetstore: the epoch has begun")

// Epochs returns the epochs of a pipeline that have a run record, sorted, without making a bucket. The error wraps
// jetstream.ErrStreamNotFound if there is none.
func Epochs(ctx context.Context, conn *nats.Conn, pipeline string) ([]string, error) {
	if err := checkNames(Config{Pipeline: pipeline, Epoch: "e"}); err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("jetstore: %w", err)
	}
	prefix := "$KV.calm_" + pipeline + "."
	stream, err := js.Stream(ctx, "KV_calm_"+pipeline)
	if err != nil {
		return nil, fmt.Errorf("jetstore: bucket calm_%s: %w", pipeline, err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(prefix+"*.run.>"))
	if err != nil {
		return nil, fmt.Errorf("jetstore: bucket calm_%s: %w", pipeline, err)
	}
	epochs := make(map[string]bool)
	for subject := range info.State.Subjects {
		epoch, _, _ := strings.Cut(strings.TrimPrefix(subject, prefix), ".")
		epochs[epoch] = true
	}
	return slices.Sorted(maps.Keys(epochs)), nil
}

// Contents returns the shards of the epoch that have a fence, and the keys of its run records, both in order.
func (s *Store) Contents(ctx context.Context) (shards []checkpoint.ShardID, records []string, err error) {
	fences, err := s.keys(ctx, "*.*.fence")
	if err != nil {
		return nil, nil, err
	}
	for _, key := range fences {
		parts := strings.Split(key, ".")
		number, err := strconv.Atoi(parts[1])
		if err != nil {
			return nil, nil, fmt.Errorf("jetstore: bucket %s has a fence of shard %q", s.bucket, key)
		}
		shards = append(shards, checkpoint.ShardID{Stage: parts[0], Shard: number})
	}
	slices.SortFunc(shards, func(a, b checkpoint.ShardID) int {
		if a.Stage != b.Stage {
			return strings.Compare(a.Stage, b.Stage)
		}
		return a.Shard - b.Shard
	})
	if records, err = s.keys(ctx, "run.*"); err != nil {
		return nil, nil, err
	}
	for i := range records {
		records[i] = strings.TrimPrefix(records[i], "run.")
	}
	return shards, records, nil
}

// keys returns the keys of the epoch that match a pattern, without the epoch, sorted.
func (s *Store) keys(ctx context.Context, pattern string) ([]string, error) {
	prefix := s.subject(s.epoch + ".")
	info, err := s.stream.Info(ctx, jetstream.WithSubjectFilter(prefix+pattern))
	if err != nil {
		return nil, fmt.Errorf("jetstore: keys of bucket %s: %w", s.bucket, s.denied("$JS.API.STREAM.INFO."+s.name, err))
	}
	var keys []string
	for subject := range info.State.Subjects {
		keys = append(keys, strings.TrimPrefix(subject, prefix))
	}
	slices.Sort(keys)
	return keys, nil
}

// PutChunk stores one chunk of a segment that no fence names yet. To put the same again is no error.
func (s *Store) PutChunk(ctx context.Context, id checkpoint.ShardID, segment string, number int, chunk []byte) error {
	if err := errors.Join(id.Check(), checkpoint.CheckName("segment", segment)); err != nil {
		return err
	}
	m := batchMsg{subject: s.chunkSubject(id, segment, number), data: chunk}
	if size, limit := m.size(1), s.conn.MaxPayload(); limit > 0 && size > limit {
		return fmt.Errorf("jetstore: %w: %s is %d bytes with its headers, the server takes %d; raise its max_payload", checkpoint.ErrTooLarge, m.subject, size, limit)
	}
	if err := s.store(ctx, id, []batchMsg{m}); err != nil {
		return fmt.Errorf("jetstore: chunk %d of segment %s of %v: %w", number, segment, id, err)
	}
	return nil
}

// DropSegment removes a segment that PutChunk has stored and no fence names.
func (s *Store) DropSegment(ctx context.Context, id checkpoint.ShardID, segment string) error {
	return s.purge(ctx, id, segment, 0)
}

// Establish begins the epoch with run records and fences, all of them in one atomic step. It returns ErrTaken if one of them exists.
func (s *Store) Establish(ctx context.Context, records map[string][]byte, fences map[checkpoint.ShardID]checkpoint.Fence) error {
	var msgs []batchMsg
	for id, fence := range fences {
		if err := checkpoint.CheckCommit(id, fence, nil); err != nil {
			return err
		}
		msgs = append(msgs, batchMsg{subject: s.fenceSubject(id), data: checkpoint.AppendFence(nil, fence)})
	}
	for _, key := range slices.Sorted(maps.Keys(records)) {
		if err := checkpoint.CheckName("run record", key); err != nil {
			return err
		}
		msgs = append(msgs, batchMsg{subject: s.subject(s.epoch + ".run." + key), data: records[key]})
	}
	if len(msgs) == 0 || len(msgs) > maxBatch {
		return fmt.Errorf("jetstore: %d fences and run records; one batch takes 1 to %d", len(msgs), maxBatch)
	}
	var wait pause
	for {
		_, failure := s.send(ctx, msgs)
		if failure == nil {
			return nil
		}
		if !refused(failure) && !passing(failure) {
			return fmt.Errorf("jetstore: epoch %s: %w", s.epoch, failure)
		}
		last := msgs[len(msgs)-1]
		got, err := s.newest(ctx, last.subject)
		switch {
		case err == nil && bytes.Equal(got.Data, last.data):
			return nil // the acknowledgement was lost
		case err == nil:
			return fmt.Errorf("%w: bucket %s, epoch %s has %s", ErrTaken, s.bucket, s.epoch, last.subject)
		case !errors.Is(err, errNotFound):
			return fmt.Errorf("jetstore: epoch %s: %w (the server's answer: %s)", s.epoch, err, failure.Error())
		}
		if err := s.Free(ctx); err != nil {
			return err
		}
		if err := wait.wait(ctx, failure); err != nil {
			return err
		}
	}
}

// Free returns ErrTaken if the epoch has a fence or a run record.
func (s *Store) Free(ctx context.Context) error {
	shards, records, err := s.Contents(ctx)
	if err == nil && len(shards)+len(records) > 0 {
		err = fmt.Errorf("%w: bucket %s, epoch %s has %d fences and %d run records", ErrTaken, s.bucket, s.epoch, len(shards), len(records))
	}
	return err
}

// Lock makes sure that only one at a time fills the epoch from outside, until Unlock. It returns ErrTaken if another one does, or was killed while it
// did.
func (s *Store) Lock(ctx context.Context) error {
	subject := s.subject(s.epoch + ".import")
	msg := nats.NewMsg(subject)
	msg.Header.Set(headerExpected, "0")
	_, err := s.sendAndWait(ctx, msg, s.patience)
	if refused(err) {
		return fmt.Errorf("%w: another import is under way, or was killed; in that case: nats kv purge --force %s %s.import", ErrTaken, s.bucket, s.epoch)
	}
	if err != nil {
		return fmt.Errorf("jetstore: lock of epoch %s: %w", s.epoch, err)
	}
	return nil
}

// Unlock ends what Lock began.
func (s *Store) Unlock(ctx context.Context) error {
	if err := s.purgeSubject(ctx, s.subject(s.epoch+".import"), 0); err != nil {
		return fmt.Errorf("jetstore: lock of epoch %s: %w", s.epoch, err)
	}
	return nil
}
