package savepoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/engine"
)

// ErrOther is returned if an input on this server is not what the positions of a savepoint are about.
var ErrOther = errors.New("savepoint: the input is another one")

// checkInput compares a stream with what the checkpoints of a stage have read of it, and returns when it was made.
func (i *importer) checkInput(ctx context.Context, stage string, log engine.LogStart) (created int64, err error) {
	stream, err := i.js.Stream(ctx, log.Stream)
	if err != nil {
		return 0, fmt.Errorf("savepoint: the input of stage %s, stream %s: %w", stage, log.Stream, err)
	}
	info := stream.CachedInfo()
	other := func(format string, args ...any) error {
		return fmt.Errorf("%w: stream %s, read by stage %s: %s", ErrOther, log.Stream, stage, fmt.Sprintf(format, args...))
	}
	copied := info.Created.UnixNano() != log.Created
	if copied && !i.Rebase {
		return 0, other("it was made at %s, and the one that was read at %s; if it is a copy, with the same messages at the same sequences and times, say so (rebase)",
			stamp(info.Created), stamp(time.Unix(0, log.Created)))
	}
	if log.After > info.State.LastSeq {
		return 0, other("reading began behind sequence %d, and it ends with %d", log.After, info.State.LastSeq)
	}
	if log.Last != nil && *log.Last > info.State.LastSeq {
		return 0, other("the input ends with sequence %d, and it with %d", *log.Last, info.State.LastSeq)
	}
	for id, fence := range i.fences {
		if id.Stage != stage {
			continue
		}
		if reason, err := holds(ctx, stream, fence, copied); err != nil {
			return 0, fmt.Errorf("savepoint: stream %s: %w", log.Stream, err)
		} else if reason != "" {
			return 0, other("shard %d: %s", id.Shard, reason)
		}
	}
	if copied && !slices.Contains(i.sum.Rebased, log.Stream) {
		i.sum.Rebased = append(i.sum.Rebased, log.Stream)
		slices.Sort(i.sum.Rebased)
	}
	return info.Created.UnixNano(), nil
}

// holds returns why a stream cannot be gone on with from a checkpoint, "" if it can. A copy must prove that it is one: by the last message that
// was read.
func holds(ctx context.Context, stream jetstream.Stream, fence checkpoint.Fence, copied bool) (reason string, err error) {
	at, state := fence.Position, stream.CachedInfo().State
	switch {
	case state.LastSeq < at.Seq:
		return fmt.Sprintf("it was read up to sequence %d, and it ends with %d", at.Seq, state.LastSeq), nil
	case !fence.Done && state.FirstSeq > at.Seq+1:
		return fmt.Sprintf("sequences %d to %d, which are still to be read, are missing", at.Seq+1, state.FirstSeq-1), nil
	case at.LastSeq == 0:
		return "", nil
	}
	msg, err := stream.GetMsg(ctx, at.LastSeq)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound) && copied:
		return fmt.Sprintf("message %d, by which it could be told that it is a copy, is not there", at.LastSeq), nil
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return "", nil
	case err != nil:
		return "", err
	case at.LastTime != 0 && msg.Time.UnixNano() != at.LastTime:
		return fmt.Sprintf("its message %d was stored at %s, and the one that was read at %s", at.LastSeq, stamp(msg.Time), stamp(time.Unix(0, at.LastTime))), nil
	}
	return "", nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
