package shard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// A new base is written when the deltas weigh more than the old one. When there are many of them the newest are put together, so that a
// checkpoint costs what changed, and a reader need not open many.
const (
	maxSegments  = 32
	minBaseBytes = 256 << 10
)

// load restores the newest checkpoint, if there is one.
func (s *session) load(ctx context.Context) error {
	for tried := uint64(0); ; {
		loaded, err := s.env.Store.Load(ctx, s.env.ID)
		if errors.Is(err, checkpoint.ErrNone) {
			s.position, s.verified = s.env.Start, s.env.Start.Seq
			return nil
		}
		if err != nil {
			return fmt.Errorf("stage %s, shard %d: cannot load the checkpoint: %w", s.env.ID.Stage, s.env.ID.Shard, err)
		}
		err = s.restore(ctx, loaded)
		if err == nil {
			return nil
		}
		if !errors.Is(err, checkpoint.ErrSegmentGone) || loaded.Revision == tried {
			return fmt.Errorf("stage %s, shard %d: the checkpoint at %d cannot be restored: %w", s.env.ID.Stage, s.env.ID.Shard, loaded.Fence.Position.Seq, err)
		}
		tried = loaded.Revision
		if s.Machine, err = NewMachine(s.env); err != nil { // a newer one has replaced it meanwhile
			return err
		}
	}
}

func (s *session) restore(ctx context.Context, loaded checkpoint.Loaded) error {
	f := loaded.Fence
	if f.Position.Incarnation != s.env.Start.Incarnation {
		return fmt.Errorf("it belongs to another stream: its log was made at %s, the present one at %s; the input was deleted and made again; restore the old stream, or declare a new Version of the pipeline to begin anew",
			when(f.Position.Incarnation), when(s.env.Start.Incarnation))
	}
	if err := s.RestoreMeta(f.Meta); err != nil {
		return err
	}
	begin, bytes := s.env.Now(), int64(len(f.Meta))
	_, segments := divide(f.Segments)
	for _, ref := range segments {
		bytes += ref.Bytes
		if err := s.env.Store.Read(ctx, s.env.ID, ref, s.RestoreChunk); err != nil {
			return err
		}
	}
	s.fence, s.position, s.verified = loaded, f.Position, f.Position.Seq
	s.first, s.done = false, f.Done
	s.env.Stats.Resumed.Store(f.Position.Seq)
	s.env.Stats.Position.Store(f.Position.Seq)
	s.env.Stats.Applied.Store(f.Position.LastSeq)
	s.env.Stats.Committed.Store(f.Position.Seq)
	s.env.Stats.OpenWindows.Store(int64(s.open()))
	took := s.env.Now().Sub(begin)
	s.env.Stats.Restored.Store(int64(took))
	s.env.Stats.RestoredBytes.Store(bytes)
	s.env.Logger.Info("resumed from a checkpoint", "stage", s.env.ID.Stage, "shard", s.env.ID.Shard, "position", f.Position.Seq, "done", f.Done, "bytes", bytes, "took", took)
	if s.env.Sweep != nil {
		s.env.Sweep(ctx, loaded)
	}
	if s.env.Committed != nil {
		s.env.Committed(f.Position.Seq)
	}
	return nil
}

func when(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }

// commit takes the result of the checkpoint under way and begins the next one when it is due.
func (s *session) commit(ctx context.Context) error {
	if err := s.finish(); err != nil {
		return err
	}
	if s.done || s.commits.busy {
		return nil
	}
	presses := s.outbox.presses(s.env.Owns == nil || s.env.Owns())
	if s.alarm.quiet(s.dirty) && !s.Ended() && !presses {
		return nil
	}
	if wait := s.due(); wait > 0 && !presses {
		s.alarm.ring(wait, s.dirty)
		return nil
	}
	s.alarm.ring(s.env.look(), false)
	if s.position.Seq < s.fence.Fence.Position.Seq {
		return errAdopt // a whole interval later still behind the other owner
	}
	return s.begin(ctx)
}

// due returns how long the next checkpoint can wait.
func (s *session) due() time.Duration {
	since := s.env.Now().Sub(s.last)
	switch {
	case s.dirty && s.Ended():
		return 0
	case s.dirty && s.first:
		return s.env.First - since
	case s.claims() && *s.serial == 0:
		return s.env.First - since
	case s.dirty || s.claims():
		return s.env.every() - since
	case s.moved:
		return s.env.idle() - since
	}
	return s.env.look()
}

// claims says whether the checkpoint is to become this owner's though it may have nothing to add.
func (s *session) claims() bool {
	return s.env.Owns != nil && s.fence.Revision > 0 && s.fence.Fence.Writer != s.env.Writer && s.env.Owns()
}

// begin takes a snapshot and hands it to the committer.
func (s *session) begin(ctx context.Context) error {
	if err := s.verify(ctx); err != nil {
		return err
	}
	base := s.fence.Fence
	arriving, segments := divide(base.Segments)
	full := s.rebase(segments)
	if !s.outbox.covered(placeOf(base.Position.Seq, ended(base.Meta))) {
		return errAdopt
	}
	outputs := s.outbox.offer()
	*s.serial++
	segment, err := s.Snapshot(fmt.Sprintf("%016x-%s-%d", s.position.Seq, s.env.Writer, *s.serial), full)
	if err != nil {
		return fmt.Errorf("stage %s, shard %d: %w", s.env.ID.Stage, s.env.ID.Shard, err)
	}
	fence := checkpoint.Fence{Writer: s.env.Writer, Commit: *s.serial, Position: s.position, Done: s.Ended() && s.outbox.remains() == 0, Meta: s.Meta()}
	job := job{revision: s.fence.Revision, barrier: s.env.Outlet.Barrier(), outputs: outputs}
	if s.arrived() {
		job.replaced = arriving
	} else {
		fence.Segments = arriving
	}
	if !full {
		fence.Segments = append(fence.Segments, segments...)
		job.merge = newest(segments)
	} else {
		job.replaced = append(job.replaced, segments...)
	}
	if segment.Ref.Chunks > 0 {
		fence.Segments = append(fence.Segments, segment.Ref)
		job.segments = []checkpoint.Segment{segment}
	}
	job.fence = fence
	s.dirty, s.moved, s.last = false, false, s.env.Now()
	s.commits.begin(job)
	return nil
}

// rebase decides whether the next segment holds the whole state.
func (s *session) rebase(segments []checkpoint.SegmentRef) bool {
	if len(segments) == 0 {
		return true
	}
	base, deltas := int64(minBaseBytes), int64(0)
	for _, ref := range segments {
		if ref.Base {
			base = max(base, ref.Bytes)
		} else {
			deltas += ref.Bytes
		}
	}
	return deltas > base
}

// newest returns how many of the newest segments are to become one: 0 unless there are many, and then those that together are
// not much smaller than the one before. So the sizes of those that stay grow by steps, and a change is written again a logarithmic number of times.
func newest(segments []checkpoint.SegmentRef) (n int) {
	if len(segments) < maxSegments {
		return 0
	}
	n = 1
	sum := segments[len(segments)-1].Bytes
	for ; n < len(segments); n++ {
		before := segments[len(segments)-1-n]
		if before.Base || n > 1 && before.Bytes > 2*sum {
			break
		}
		sum += before.Bytes
	}
	return n
}

// finish takes the result of the checkpoint under way, if it is there.
func (s *session) finish() error {
	r, ok := s.commits.poll()
	if !ok {
		return nil
	}
	switch {
	case r.err == nil:
		s.Settle(true)
		s.outbox.committed()
		s.adoptFence(checkpoint.Loaded{Fence: r.fence, Revision: r.revision})
		s.first = false
		s.env.Stats.Checkpoints.Add(1)
		for _, seg := range r.segments {
			s.env.Stats.CheckpointBytes.Add(uint64(seg.Ref.Bytes))
		}
		s.done = r.fence.Done
		return nil
	case errors.Is(r.err, checkpoint.ErrConflict):
		s.env.Stats.Conflicts.Add(1)
		return s.lost(r)
	}
	return fmt.Errorf("stage %s, shard %d: checkpoint at %d: %w", s.env.ID.Stage, s.env.ID.Shard, r.fence.Position.Seq, r.err)
}

// lost goes on after another owner has committed first. The state at a position is the same for all, so the
// winner's segments serve as base; what this owner changed since its own last snapshot covers what changed since the winner's.
func (s *session) lost(r result) error {
	w := r.winner
	s.first = false
	if other, err := markOf(w.Fence.Meta); err != nil {
		return fmt.Errorf("stage %s, shard %d: the checkpoint of another owner at %d cannot be read: %w", s.env.ID.Stage, s.env.ID.Shard, w.Fence.Position.Seq, err)
	} else if s.digest.expect(other); s.diverged() {
		return errAdopt
	}
	if !s.outbox.beaten(w.Fence) {
		return errAdopt
	}
	if w.Fence.Position.Seq >= r.fence.Position.Seq {
		s.Settle(true) // the winner has committed what the snapshot held
	} else {
		s.Settle(false)
		s.dirty, s.last = true, time.Time{} // try again at once
	}
	s.adoptFence(w)
	if s.claims() {
		s.alarm.ring(s.env.every(), true)
	}
	if w.Fence.Done || (s.Ended() && w.Fence.Position.Seq >= s.position.Seq) {
		return errAdopt
	}
	if w.Fence.Position.Seq > s.position.Seq {
		s.dirty = true // look again after an interval
	}
	return nil
}

// diverged compares this owner with those whose checkpoints it has seen, at the positions where both have been. If they
// differ it raises the alarm. Two states of one position cannot be merged: this owner then gives its own up for the one that
// is stored.
func (s *session) diverged() bool {
	own, other, differ := s.digest.differs()
	if differ {
		s.env.Stats.Divergences.Add(1)
		s.env.Logger.Error("two owners have made different things of the same input, and this one goes on from what is stored; make the functions of the pipeline deterministic, or declare a new Version where they have changed",
			"stage", s.env.ID.Stage, "shard", s.env.ID.Shard, "position", own.at, "own", fmt.Sprintf("%016x", own.sum), "stored", fmt.Sprintf("%016x", other.sum))
	}
	return differ
}

func (s *session) adoptFence(l checkpoint.Loaded) {
	s.fence = l
	s.env.Stats.Committed.Store(l.Fence.Position.Seq)
	if s.env.Committed != nil {
		s.env.Committed(l.Fence.Position.Seq)
	}
}
