package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// The operations that Memory.Fault is asked about.
const (
	// OpLoad, OpRead, OpCommit and OpRemove fail before anything has happened.
	OpLoad   = "load"
	OpRead   = "read"
	OpCommit = "commit"
	OpRemove = "remove"
	// OpAcknowledge fails after a commit has been stored: its acknowledgement is lost.
	OpAcknowledge = "acknowledge"
)

// Memory is a Store in the memory of the process. It is as strict as the one on a broker: values are kept encoded, and nothing that
// a caller later changes shows in them. The zero value is an empty store; it may be used by many goroutines at once.
type Memory struct {
	// Fault, if set, is called with the name of each operation (Op...), and an error it returns is the result of the operation.
	// It runs outside of every lock, so it may also block, or use the store. It is set before the store is used.
	Fault func(op string) error

	mu       sync.Mutex
	revision uint64 // of the newest commit of any shard
	shards   map[ShardID]*memoryShard
}

type memoryShard struct {
	fence    []byte
	revision uint64
	segments map[string][][]byte
	outputs  []Output
}

var _ Store = (*Memory)(nil)

// Load implements Store.
func (m *Memory) Load(ctx context.Context, id ShardID) (Loaded, error) {
	if err := m.begin(ctx, OpLoad, id); err != nil {
		return Loaded{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	shard := m.shards[id]
	if shard == nil {
		return Loaded{}, fmt.Errorf("%w: %v", ErrNone, id)
	}
	fence, err := DecodeFence(shard.fence)
	return Loaded{Fence: fence, Revision: shard.revision}, err
}

// Read implements Store.
func (m *Memory) Read(ctx context.Context, id ShardID, ref SegmentRef, each func(chunk []byte) error) error {
	if err := ref.Check(); err != nil {
		return err
	}
	if err := m.begin(ctx, OpRead, id); err != nil {
		return err
	}
	check := NewSegmentCheck(ref)
	for _, chunk := range m.chunks(id, ref) {
		chunk = bytes.Clone(chunk)
		check.Add(chunk)
		if err := each(chunk); err != nil {
			return err
		}
	}
	if check.chunks == 0 && ref.Chunks > 0 {
		return fmt.Errorf("%w: segment %s of %v", ErrSegmentGone, ref.ID, id)
	}
	return check.Done()
}

// Commit implements Store.
func (m *Memory) Commit(ctx context.Context, id ShardID, revision uint64, fence Fence, segments []Segment, outputs ...Output) (uint64, error) {
	if err := errors.Join(CheckCommit(id, fence, segments), CheckOutputs(outputs)); err != nil {
		return 0, err
	}
	if err := m.begin(ctx, OpCommit, id); err != nil {
		return 0, err
	}
	stored, err := m.swap(id, revision, fence, segments, outputs)
	if err != nil {
		return 0, err
	}
	return stored, m.fault(OpAcknowledge)
}

// Remove implements Store.
func (m *Memory) Remove(ctx context.Context, id ShardID, refs []SegmentRef) error {
	for _, ref := range refs {
		if err := ref.Check(); err != nil {
			return err
		}
	}
	if err := m.begin(ctx, OpRemove, id); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if shard := m.shards[id]; shard != nil {
		for _, ref := range refs {
			delete(shard.segments, ref.ID)
		}
	}
	return nil
}

// swap stores the commit if the shard's fence still has the given revision, or returns the revision it got
// when it was stored before.
func (m *Memory) swap(id ShardID, revision uint64, fence Fence, segments []Segment, outputs []Output) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shards == nil {
		m.shards = map[ShardID]*memoryShard{}
	}
	shard := m.shards[id]
	if shard == nil {
		shard = &memoryShard{segments: map[string][][]byte{}}
	}
	if shard.revision != revision {
		standing, err := DecodeFence(shard.fence)
		if err == nil && standing.Writer == fence.Writer && standing.Commit == fence.Commit {
			return shard.revision, nil
		}
		return 0, fmt.Errorf("%w: %v is at revision %d, not %d", ErrConflict, id, shard.revision, revision)
	}
	for _, seg := range segments {
		if _, used := shard.segments[seg.Ref.ID]; used {
			return 0, fmt.Errorf("checkpoint: segment %s of %v is already stored; a commit needs IDs of its own", seg.Ref.ID, id)
		}
	}
	for _, o := range outputs {
		if slices.ContainsFunc(shard.outputs, func(s Output) bool { return s.Name == o.Name }) {
			return 0, fmt.Errorf("checkpoint: output %s of %v is already stored", o.Name, id)
		}
	}
	for _, o := range outputs {
		copied, err := DecodeOutput(AppendOutput(nil, o))
		if err != nil {
			return 0, err
		}
		shard.outputs = append(shard.outputs, copied)
	}
	for _, seg := range segments {
		chunks := make([][]byte, len(seg.Chunks))
		for i, chunk := range seg.Chunks {
			chunks[i] = bytes.Clone(chunk)
		}
		shard.segments[seg.Ref.ID] = chunks
	}
	m.revision++
	shard.fence, shard.revision = AppendFence(nil, fence), m.revision
	m.shards[id] = shard
	return m.revision, nil
}

// Outputs returns what has left the shard, in order.
func (m *Memory) Outputs(id ShardID) []Output {
	m.mu.Lock()
	defer m.mu.Unlock()
	if shard := m.shards[id]; shard != nil {
		return slices.Clone(shard.outputs)
	}
	return nil
}

// chunks returns the stored chunks of a segment, nil if it is gone.
func (m *Memory) chunks(id ShardID, ref SegmentRef) [][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if shard := m.shards[id]; shard != nil {
		return slices.Clone(shard.segments[ref.ID])
	}
	return nil
}

func (m *Memory) begin(ctx context.Context, op string, id ShardID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := id.Check(); err != nil {
		return err
	}
	return m.fault(op)
}

func (m *Memory) fault(op string) error {
	if m.Fault == nil {
		return nil
	}
	return m.Fault(op)
}
