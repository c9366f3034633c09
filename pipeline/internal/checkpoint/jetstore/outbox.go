package jetstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// StateStream is the stream of the bucket of a pipeline.
func StateStream(pipeline string) string { return "KV_calm_" + pipeline }

// outputSubject is where an output of the shard is stored. It stays there until whoever it is for has it.
func (s *Store) outputSubject(id checkpoint.ShardID, name string) string {
	return s.subject(s.shardKey(id) + ".out." + name)
}

// outbox matches all outputs of the outbox, of all shards and epochs.
func (s *Store) outbox(name string) string { return s.subject("*.*.*.out." + name + ".>") }

// Output returns the header of the stored output with a revision, and whether there is one.
func (s *Store) Output(ctx context.Context, revision uint64) (header nats.Header, found bool, err error) {
	req := struct {
		Seq uint64 `json:"seq"`
	}{revision}
	var resp struct {
		answer
		Message stored `json:"message"`
	}
	err = s.api(ctx, "$JS.API.STREAM.MSG.GET."+s.name, req, &resp, func() *jetstream.APIError { return resp.Error })
	if codeOf(err) == jetstream.JSErrCodeMessageNotFound {
		return nil, false, nil
	}
	if err == nil && len(resp.Message.Header) > 0 {
		header, err = nats.DecodeHeadersMsg(resp.Message.Header)
	}
	if err != nil {
		return nil, false, fmt.Errorf("jetstore: output at revision %d of bucket %s: %w", revision, s.bucket, err)
	}
	return header, true, nil
}

// FirstOutput returns the revision of the oldest output that the outbox holds, and whether there is one.
func (s *Store) FirstOutput(ctx context.Context, outbox string) (revision uint64, found bool, err error) {
	req := struct {
		Seq  uint64 `json:"seq"`
		Next string `json:"next_by_subj"`
	}{1, s.outbox(outbox)}
	var resp struct {
		answer
		Message stored `json:"message"`
	}
	err = s.api(ctx, "$JS.API.STREAM.MSG.GET."+s.name, req, &resp, func() *jetstream.APIError { return resp.Error })
	if codeOf(err) == jetstream.JSErrCodeMessageNotFound {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("jetstore: outputs of %s: %w", outbox, err)
	}
	return resp.Message.Seq, true, nil
}

// Outboxes returns the names of the outboxes of the epoch that hold outputs, in order.
func (s *Store) Outboxes(ctx context.Context) ([]string, error) {
	keys, err := s.keys(ctx, "*.*.out.>")
	if err != nil {
		return nil, err
	}
	names := make(map[string]bool)
	for _, key := range keys {
		names[strings.Split(key, ".")[3]] = true
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// RemoveOutputs removes the outputs of the outbox up to a revision.
func (s *Store) RemoveOutputs(ctx context.Context, outbox string, through uint64) error {
	if err := s.purgeSubject(ctx, s.outbox(outbox), through+1); err != nil {
		return fmt.Errorf("jetstore: removal of the outputs of %s: %w", outbox, err)
	}
	return nil
}
