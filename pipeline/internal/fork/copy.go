package fork

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/engine"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// writer is the mark of checkpoints that no owner has committed.
const writer = "fork"

// copy stores the segments of a checkpoint for the new epoch, and returns what they are there. Large ones are stored under their names, so that
// another round need not copy them again; small ones that stand together, of which there are many, become one.
func (f *forker) copy(ctx context.Context, id checkpoint.ShardID, segments []checkpoint.SegmentRef) (out []checkpoint.SegmentRef, err error) {
	copied := f.copied[id]
	if copied == nil {
		copied = make(map[string]checkpoint.SegmentRef)
		f.copied[id] = copied
	}
	for len(segments) > 0 {
		var now checkpoint.SegmentRef
		n := together(segments)
		if n > 1 {
			now, err = f.combine(ctx, id, segments[:n])
		} else if ref := segments[0]; copied[ref.ID].ID == "" {
			f.step("copy " + ref.ID)
			now, err = f.segment(ctx, id, ref)
		} else {
			now = copied[ref.ID]
		}
		if err != nil {
			return nil, err
		}
		if n == 1 {
			copied[now.ID] = now
		}
		out, segments = append(out, now), segments[n:]
	}
	return out, nil
}

// together returns how many segments, from the first one on, make a small one: at least 1.
func together(segments []checkpoint.SegmentRef) (n int) {
	var bytes int64
	for n < len(segments) && bytes+segments[n].Bytes <= checkpoint.ChunkTarget {
		bytes += segments[n].Bytes
		n++
	}
	return max(1, n)
}

// combine copies segments as one.
func (f *forker) combine(ctx context.Context, id checkpoint.ShardID, segments []checkpoint.SegmentRef) (checkpoint.SegmentRef, error) {
	f.step("copy " + segments[0].ID + " and what follows")
	var w checkpoint.SegmentWriter
	for _, ref := range segments {
		err := f.old.Read(ctx, id, ref, func(chunk []byte) error {
			return f.decision.renumber(chunk, w.Add)
		})
		if err != nil {
			return checkpoint.SegmentRef{}, err
		}
	}
	segment := w.Finish(fmt.Sprintf("fork-%s-%d", f.mark, f.next()), segments[0].Base)
	return segment.Ref, f.put(ctx, id, segment)
}

// next numbers what this process stores.
func (f *forker) next() int {
	f.serial++
	return f.serial
}

// put stores a segment under a name of this process.
func (f *forker) put(ctx context.Context, id checkpoint.ShardID, segment checkpoint.Segment) error {
	f.carried = append(f.carried, carried{id, segment.Ref.ID})
	for n, chunk := range segment.Chunks {
		if err := f.store.PutChunk(ctx, id, segment.Ref.ID, n, chunk); err != nil {
			return err
		}
	}
	return nil
}

// carried names a segment that this process has stored.
type carried struct {
	id      checkpoint.ShardID
	segment string
}

// drop removes what was carried for a cut that the epoch does not begin with.
func (f *forker) drop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), engine.HoldAge/6)
	defer cancel()
	for _, c := range f.carried {
		if err := f.store.DropSegment(ctx, c.id, c.segment); err != nil {
			f.Logger.Debug("what nobody knows of stays until its shard takes a checkpoint", "shard", c.id.String(), "error", err)
		}
	}
	f.carried = nil
}

// segment copies one segment under its name. What comes out is a function of what goes in: two who copy it store the same.
func (f *forker) segment(ctx context.Context, id checkpoint.ShardID, ref checkpoint.SegmentRef) (checkpoint.SegmentRef, error) {
	sum := checkpoint.NewSegmentCheck(checkpoint.SegmentRef{ID: ref.ID, Base: ref.Base})
	number := 0
	err := f.old.Read(ctx, id, ref, func(chunk []byte) error {
		var w checkpoint.SegmentWriter // a number may be longer than it was, so that there may be one chunk more
		if err := f.decision.renumber(chunk, w.Add); err != nil {
			return err
		}
		for _, c := range w.Finish("", false).Chunks {
			if err := f.store.PutChunk(ctx, id, ref.ID, number, c); err != nil {
				return err
			}
			sum.Add(c)
			number++
		}
		return nil
	})
	return sum.Ref(), err
}

// renumber calls add with the entries of a chunk whose operators are kept, under their new numbers.
func (d *decision) renumber(chunk []byte, add func(entry []byte) error) error {
	var buf []byte
	return checkpoint.Entries(chunk, func(entry []byte) error {
		number, n := binary.Uvarint(entry)
		if n <= 0 {
			return fmt.Errorf("%w: an entry has no number", checkpoint.ErrDamaged)
		}
		was := int(number) //nolint:gosec // numbers that are no operator's are in neither map
		now, ok := d.kept[was]
		switch {
		case d.dropped[was] || was == shard.OutboxNumber: // a result that has left, as the small state says
			return nil
		case !ok: // what producers have promised of values, which an input keeps
			return fmt.Errorf("%w: operator %d has state without a name", ErrRefused, number)
		}
		buf = binary.AppendUvarint(buf[:0], uint64(now)) //nolint:gosec // the number of an operator
		buf = append(buf, entry[n:]...)
		return add(buf)
	})
}
