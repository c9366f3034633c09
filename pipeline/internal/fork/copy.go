package fork

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// writer is the mark of checkpoints that no owner has committed.
const writer = "fork"

// copy stores the segments of a checkpoint for the new epoch, but for those that are copied, and returns its fence there.
func (f *forker) copy(ctx context.Context, id checkpoint.ShardID, fence checkpoint.Fence, copied map[string]checkpoint.SegmentRef) (checkpoint.Fence, error) {
	out := checkpoint.Fence{Writer: writer, Commit: 1, Position: fence.Position, Meta: fence.Meta}
	for _, ref := range fence.Segments {
		now, known := copied[ref.ID]
		if !known {
			f.step("copy " + ref.ID)
			var err error
			if now, err = f.segment(ctx, id, ref); err != nil {
				return checkpoint.Fence{}, err
			}
			copied[ref.ID] = now
		}
		out.Segments = append(out.Segments, now)
	}
	return out, nil
}

// segment copies one segment under its name. What comes out is a function of what goes in: two who copy it store the same.
func (f *forker) segment(ctx context.Context, id checkpoint.ShardID, ref checkpoint.SegmentRef) (checkpoint.SegmentRef, error) {
	sum := checkpoint.NewSegmentCheck(checkpoint.SegmentRef{ID: ref.ID, Base: ref.Base})
	number := 0
	err := f.old.Read(ctx, id, ref, func(chunk []byte) error {
		chunks, err := f.decision.renumber(chunk)
		if err != nil {
			return err
		}
		for _, c := range chunks {
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

// renumber returns the entries of a chunk whose operators are kept, under their new numbers. A number may be longer than it was, so that
// there may be one chunk more.
func (d *decision) renumber(chunk []byte) ([][]byte, error) {
	var w checkpoint.SegmentWriter
	var buf []byte
	err := checkpoint.Entries(chunk, func(entry []byte) error {
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
		return w.Add(buf)
	})
	return w.Finish("", false).Chunks, err
}
