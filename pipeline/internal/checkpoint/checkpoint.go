package checkpoint

import (
	"context"
	"errors"
	"fmt"
)

// ShardID names one shard of a stage: the same for every worker.
type ShardID struct {
	// Stage is the stable name of the stage; it is made of characters that KV keys allow, without dots.
	Stage string
	// Shard is the number of the shard in its stage, from 0.
	Shard int
}

func (id ShardID) String() string { return fmt.Sprintf("%s/%d", id.Stage, id.Shard) }

// Position is how far in a log a shard has come.
type Position struct {
	// Incarnation is the creation time of the stream in nanoseconds since 1970: a stream that is
	// deleted and made again is another log.
	Incarnation int64
	// Seq is the stream sequence up to which everything has been applied.
	Seq uint64
	// LastSeq and LastTime are the stream sequence and the store timestamp (nanoseconds since
	// 1970) of the last message that was applied. They prove at a restart that the log still holds what
	// was read. LastSeq is 0 if none was.
	LastSeq  uint64
	LastTime int64
}

// SegmentRef names one immutable segment of state.
type SegmentRef struct {
	// ID is unique in the shard: it is made of the position and the writer of the commit that wrote it.
	ID string
	// Chunks is the number of values the segment is cut into.
	Chunks int
	// Bytes is the sum of their lengths.
	Bytes int64
	// Digest is the xxhash64 of the chunks, one after the other.
	Digest uint64
	// Base marks a segment that holds the whole state, so that none before it is needed.
	Base bool
}

// Fence is the small value that makes a commit visible.
type Fence struct {
	// Writer is the random mark of the process that committed and Commit counts its commits: together they
	// tell a committer whose acknowledgement was lost whether its own commit is the one that stands.
	Writer string
	Commit uint64
	// Position is where the shard stood.
	Position Position
	// Done says that the input has ended and that every result has been stored.
	Done bool
	// Segments make up the state, the oldest first.
	Segments []SegmentRef
	// Meta is the part of the state that is small and always written whole; its format is the shard's.
	Meta []byte
}

// Segment is a segment to be written: its reference and its content.
type Segment struct {
	Ref    SegmentRef
	Chunks [][]byte
}

// Loaded is a fence together with the revision that a later commit must name.
type Loaded struct {
	Fence    Fence
	Revision uint64
}

// ErrNone is returned when a shard has no checkpoint yet.
var ErrNone = errors.New("checkpoint: none yet")

// ErrConflict is returned by Commit when another owner has committed since the given revision: load what stands. This commit wrote
// nothing, unless its acknowledgement was lost and the other owner has built on it. So its segments must not be
// removed, and their IDs not used again.
var ErrConflict = errors.New("checkpoint: another owner has committed")

// ErrSegmentGone is returned when a segment that a fence names is no longer stored: a newer fence has replaced it.
var ErrSegmentGone = errors.New("checkpoint: a segment was replaced while it was read")

// Store keeps the checkpoints of all shards of one pipeline and epoch.
type Store interface {
	// Load returns the newest fence of the shard, read from the leader. It returns ErrNone if there is none.
	Load(ctx context.Context, id ShardID) (Loaded, error)
	// Read calls each with the chunks of the segment in order. It returns ErrSegmentGone if the segment
	// is no longer stored; the caller then loads the fence again. A chunk belongs to the caller.
	Read(ctx context.Context, id ShardID, ref SegmentRef, each func(chunk []byte) error) error
	// Commit makes the segments and the fence visible atomically, and writes the fence, if the newest fence still has the given revision (0: none yet)
	// and returns the new revision. It resolves lost acknowledgements itself, by Fence.Writer and Fence.Commit. The outputs are stored in the
	// same step, in order, and with none between them: those of a commit that is refused are never to be seen.
	Commit(ctx context.Context, id ShardID, revision uint64, fence Fence, segments []Segment, outputs ...Output) (uint64, error)
	// Remove deletes segments that no fence names any more. It is called after a later commit, so that a reader who
	// still holds the previous fence can finish; what cannot be deleted is only waste.
	Remove(ctx context.Context, id ShardID, refs []SegmentRef) error
}
