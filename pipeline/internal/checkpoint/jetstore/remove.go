package jetstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// Remove implements checkpoint.Store. It tries each segment once; what could not be removed is in the error and is left for Sweep.
func (s *Store) Remove(ctx context.Context, id checkpoint.ShardID, refs []checkpoint.SegmentRef) error {
	errs := []error{id.Check()}
	for _, ref := range refs {
		errs = append(errs, ref.Check())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, ref := range refs {
		if ref.Chunks > 0 {
			errs = append(errs, s.purge(ctx, id, ref.ID, 0))
		}
	}
	return errors.Join(errs...)
}

// Segments returns the IDs of the segments of the shard that have chunks in the bucket, sorted. It takes time
// proportional to the number of chunks.
func (s *Store) Segments(ctx context.Context, id checkpoint.ShardID) ([]string, error) {
	if err := id.Check(); err != nil {
		return nil, err
	}
	prefix := s.segmentsPrefix(id)
	info, err := s.stream.Info(ctx, jetstream.WithSubjectFilter(prefix+">"))
	if err != nil {
		return nil, fmt.Errorf("jetstore: segments of %v: %w", id, s.denied("$JS.API.STREAM.INFO."+s.name, err))
	}
	var ids []string
	for subject := range info.State.Subjects {
		segment, _, _ := strings.Cut(strings.TrimPrefix(subject, prefix), ".")
		ids = append(ids, segment)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// Sweep removes the segments of the shard that the fence does not name, and returns their IDs: what an owner left behind who
// ended between a commit and its Remove.
//
// It is safe at any time, although it is meant for the start, right after loaded was loaded. A segment is written
// together with a fence that names it, and once a fence has left it out, no later fence names it again. So an unnamed
// segment that was written before the loaded fence is waste. One that was written later may belong to a newer fence: only what
// is older than the loaded revision is removed. A reader who still holds an older fence gets ErrSegmentGone and loads again.
func (s *Store) Sweep(ctx context.Context, id checkpoint.ShardID, loaded checkpoint.Loaded) ([]string, error) {
	stored, err := s.Segments(ctx, id)
	if err != nil || loaded.Revision == 0 {
		return nil, err
	}
	var swept []string
	for _, segment := range stored {
		if slices.ContainsFunc(loaded.Fence.Segments, func(ref checkpoint.SegmentRef) bool { return ref.ID == segment }) {
			continue
		}
		if err := s.purge(ctx, id, segment, loaded.Revision); err != nil {
			return swept, err
		}
		swept = append(swept, segment)
	}
	return swept, nil
}

// purge deletes the chunks of a segment, if before is not 0 only those with a smaller revision.
func (s *Store) purge(ctx context.Context, id checkpoint.ShardID, segment string, before uint64) error {
	if err := s.purgeSubject(ctx, s.segmentsPrefix(id)+segment+".>", before); err != nil {
		return fmt.Errorf("jetstore: removal of segment %s of %v: %w", segment, id, err)
	}
	return nil
}

func (s *Store) purgeSubject(ctx context.Context, subject string, before uint64) error {
	req := struct {
		Filter string `json:"filter"`
		Before uint64 `json:"seq,omitempty"`
	}{subject, before}
	var resp answer
	return s.api(ctx, "$JS.API.STREAM.PURGE."+s.name, req, &resp, func() *jetstream.APIError { return resp.Error })
}
