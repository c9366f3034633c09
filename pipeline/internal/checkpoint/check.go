package checkpoint

import (
	"fmt"
	"slices"
)

// maxName bounds the length of a name, so that a key made of four of them stays far below what servers allow.
const maxName = 128

// CheckName reports whether name can stand between two dots of a key: 1 to 128 characters out of
// letters, digits and - _ = /. The error says what the name is for, which is what the caller passes as kind.
func CheckName(kind, name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("checkpoint: %s %q: a name has 1 to %d characters", kind, name, maxName)
	}
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '-', c == '_', c == '=', c == '/':
		default:
			return fmt.Errorf("checkpoint: %s %q: character %q is not allowed; use letters, digits and - _ = /", kind, name, c)
		}
	}
	return nil
}

// Check reports whether the shard can be named in a key.
func (id ShardID) Check() error {
	if id.Shard < 0 {
		return fmt.Errorf("checkpoint: shard %d of stage %q: shards count from 0", id.Shard, id.Stage)
	}
	return CheckName("stage", id.Stage)
}

// CheckCommit reports whether a commit is one that a reader will be able to load: the fence decodes to itself,
// it names each segment of the commit once, and the content of each segment is what its reference says.
// Every Store calls it first, so that a mistake of the writer is found by the writer.
func CheckCommit(id ShardID, fence Fence, segments []Segment) error {
	if err := id.Check(); err != nil {
		return err
	}
	if err := CheckName("writer", fence.Writer); err != nil {
		return err
	}
	named := make(map[string]SegmentRef, len(fence.Segments))
	for _, ref := range fence.Segments {
		if err := ref.Check(); err != nil {
			return err
		}
		if _, twice := named[ref.ID]; twice {
			return fmt.Errorf("checkpoint: the fence of %v names segment %s twice", id, ref.ID)
		}
		named[ref.ID] = ref
	}
	for i, seg := range segments {
		if ref, ok := named[seg.Ref.ID]; !ok || ref != seg.Ref {
			return fmt.Errorf("checkpoint: the fence of %v does not name segment %s as it is written", id, seg.Ref.ID)
		}
		if slices.ContainsFunc(segments[:i], func(s Segment) bool { return s.Ref.ID == seg.Ref.ID }) {
			return fmt.Errorf("checkpoint: segment %s of %v is written twice in one commit", seg.Ref.ID, id)
		}
		check := NewSegmentCheck(seg.Ref)
		for _, chunk := range seg.Chunks {
			check.Add(chunk)
		}
		if err := check.Done(); err != nil {
			return err
		}
	}
	return nil
}

// Check reports whether the reference can be that of a segment, and its ID be named in a key.
func (ref SegmentRef) Check() error {
	if ref.Chunks < 0 || ref.Chunks > maxChunks || ref.Bytes < 0 {
		return fmt.Errorf("checkpoint: segment %q claims %d chunks and %d bytes", ref.ID, ref.Chunks, ref.Bytes)
	}
	return CheckName("segment", ref.ID)
}
