package shard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// committer writes checkpoints while the shard goes on. At most one is under way.
type committer struct {
	env     *Env
	busy    bool
	results chan result
	poke    func()
	cancel  context.CancelFunc
	ctx     context.Context // it ends with the session, not with a call
	running sync.WaitGroup
	// garbage are segments that the last commit replaced. They are deleted after the next one, so that a reader of the
	// fence before can finish.
	garbage []checkpoint.SegmentRef
	// swept says that what an owner left that ended before its fence was removed. Only a later fence tells it from what is under way.
	swept bool
}

// job is a checkpoint to be written.
type job struct {
	revision uint64
	fence    checkpoint.Fence
	segments []checkpoint.Segment
	replaced []checkpoint.SegmentRef
	// merge is how many of the segments before that of this commit are to become one.
	merge   int
	barrier func(context.Context) error
	// outputs leave with the commit.
	outputs []checkpoint.Output
}

// result is what became of a job.
type result struct {
	job
	revision uint64
	// winner is the fence of the owner that was first, if err is ErrConflict.
	winner checkpoint.Loaded
	err    error
}

func (c *committer) start(env *Env, poke func()) {
	c.env, c.poke, c.results = env, poke, make(chan result, 1)
	c.ctx, c.cancel = context.WithCancel(context.Background())
}

// stop ends a commit under way and waits for it.
func (c *committer) stop() {
	c.cancel()
	c.running.Wait()
}

func (c *committer) begin(j job) {
	c.busy = true
	c.running.Go(func() {
		r := c.write(j)
		c.results <- r
		c.poke()
	})
}

func (c *committer) write(j job) result {
	if j.merge > 1 {
		c.merge(&j)
	}
	r := result{job: j}
	if err := j.barrier(c.ctx); err != nil {
		r.err = fmt.Errorf("results before it could not be stored: %w", err)
		return r
	}
	if len(j.outputs) > 0 && c.env.Outbox != nil {
		if err := c.env.Outbox.Room(c.ctx); err != nil {
			r.err = err
			return r
		}
	}
	r.revision, r.err = c.env.Store.Commit(c.ctx, c.env.ID, j.revision, j.fence, j.segments, j.outputs...)
	switch {
	case r.err == nil:
		if len(j.outputs) > 0 && c.env.Outbox != nil {
			c.env.Outbox.Stored(j.outputs, r.revision)
		}
		if err := c.env.Store.Remove(c.ctx, c.env.ID, c.garbage); err != nil {
			c.env.Logger.Debug("old segments stay", "stage", c.env.ID.Stage, "shard", c.env.ID.Shard, "error", err)
		}
		c.garbage = j.replaced
		if !c.swept && c.env.Sweep != nil {
			c.env.Sweep(c.ctx, checkpoint.Loaded{Fence: j.fence, Revision: r.revision})
		}
		c.swept = true
	case errors.Is(r.err, checkpoint.ErrConflict):
		winner, err := c.env.Store.Load(c.ctx, c.env.ID)
		if err != nil {
			r.err = fmt.Errorf("another owner has committed, and its checkpoint cannot be read: %w", err)
		}
		r.winner = winner
		// The garbage stays ours: once a fence has left a segment out, no later one names it again.
	}
	return r
}

// merge puts stored segments together: their entries, in order, in one. The shard goes on meanwhile. If they cannot be read the commit goes
// without, and the next one tries again.
func (c *committer) merge(j *job) {
	own := len(j.segments) // the segment of this commit is the last that the fence names, if it has one
	to := len(j.fence.Segments) - own
	merged := j.fence.Segments[to-j.merge : to]
	var w checkpoint.SegmentWriter
	for _, ref := range merged {
		err := c.env.Store.Read(c.ctx, c.env.ID, ref, func(chunk []byte) error { return checkpoint.Entries(chunk, w.Add) })
		if err != nil {
			c.env.Logger.Warn("old segments cannot be put together", "stage", c.env.ID.Stage, "shard", c.env.ID.Shard, "error", err)
			return
		}
	}
	segment := w.Finish(fmt.Sprintf("%016x-%s-%d-m", j.fence.Position.Seq, j.fence.Writer, j.fence.Commit), false)
	refs := slices.Clone(j.fence.Segments[:to-j.merge])
	j.fence.Segments = append(append(refs, segment.Ref), j.fence.Segments[to:]...)
	j.segments = append(j.segments, segment)
	j.replaced = append(j.replaced, merged...)
}

// poll returns the result of the commit under way if it has ended.
func (c *committer) poll() (result, bool) {
	select {
	case r := <-c.results:
		c.busy = false
		return r, true
	default:
		return result{}, false
	}
}

// wait waits until no commit is under way. The result stays for poll.
func (c *committer) wait(ctx context.Context) error {
	if !c.busy {
		return nil
	}
	select {
	case r := <-c.results:
		c.results <- r
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
