package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/ownership"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

const (
	// handOverWait bounds how long a worker that was told to stop goes on for those who take over its shards.
	handOverWait = 3 * time.Second
	// endEvery is the time between two looks whether the shards of others have ended, once all of this worker's have.
	endEvery = 250 * time.Millisecond
	// takenOverEvery is the time between two looks whether a shard that is not this worker's any more has been taken over.
	takenOverEvery = 100 * time.Millisecond
)

// duty is a shard that this worker runs.
type duty struct {
	id     checkpoint.ShardID
	stage  *plan.Stage
	stats  shard.Stats
	cancel context.CancelCauseFunc
	// owns says that this worker is the first of those that run the shard.
	owns atomic.Bool
	// keep ends the hand-over, nil if there is none.
	keep context.CancelFunc
	err  error // of the run, once it has ended
}

// crew runs the shards that this worker owns, as workers come and go. One goroutine uses it, but for purges and ended.
type crew struct {
	*engine
	duties   map[checkpoint.ShardID]*duty
	over     map[checkpoint.ShardID]bool // the shards whose input has ended; true if this worker has seen it, false if others have
	workers  []string
	exits    chan *duty
	running  sync.WaitGroup
	ctx      context.Context // of the shards
	stop     context.CancelFunc
	errs     []error
	purging  atomic.Bool // this worker is the one that cleans up the exchange
	finished atomic.Bool // all shards are over
}

func newCrew(e *engine) *crew {
	return &crew{engine: e, duties: make(map[checkpoint.ShardID]*duty), over: make(map[checkpoint.ShardID]bool), exits: make(chan *duty)}
}

func (c *crew) purges() bool { return c.purging.Load() }
func (c *crew) ended() bool  { return c.finished.Load() }

// run runs the shards until all have ended, ctx ends or one fails.
func (c *crew) run(ctx context.Context) error {
	a, err := c.newAnnouncer()
	if err != nil {
		return err
	}
	c.ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx)) // they go on while they are handed over
	defer c.stop()
	hearing, deaf := context.WithCancel(context.WithoutCancel(ctx))
	leave, views, announced := make(chan struct{}), make(chan []string), make(chan error, 1)
	c.running.Go(func() { announced <- a.run(hearing, leave, views) })

	c.work(ctx, views, announced)
	close(leave)
	if len(c.errs) == 0 && !c.ended() {
		c.handOver(views)
	}
	c.stop()
	for len(c.duties) > 0 {
		select {
		case d := <-c.exits:
			c.exit(d)
		case <-views:
		}
	}
	deaf()
	c.running.Wait()
	return distinct(c.errs)
}

// work runs what this worker owns until there is nothing left to do, or it is to stop.
func (c *crew) work(ctx context.Context, views <-chan []string, announced <-chan error) {
	ends := time.NewTicker(endEvery)
	defer ends.Stop()
	for len(c.errs) == 0 {
		select {
		case c.workers = <-views:
			c.assign()
		case d := <-c.exits:
			c.exit(d)
			c.assign() // it may have become ours again meanwhile
		case err := <-announced:
			if ctx.Err() == nil && err != nil {
				c.errs = append(c.errs, err)
			}
			return
		case <-ends.C:
			if len(c.duties) == 0 && c.workers != nil {
				c.look(ctx)
			}
		case <-ctx.Done():
			return
		}
		if c.workers != nil && len(c.over) == c.shards() {
			c.finished.Store(true)
			c.Watch.Finish()
			return
		}
	}
}

func (c *crew) shards() (n int) {
	for _, stage := range c.Plan.Stages {
		n += stage.Shards
	}
	return n
}

// assign begins the duties that this worker has now, and hands over those that it has no more.
func (c *crew) assign() {
	mine := 0
	for _, stage := range c.Plan.Stages {
		for number := range stage.Shards {
			id := checkpoint.ShardID{Stage: stage.Name, Shard: number}
			rank := slices.Index(ownership.Owners(c.workers, stage.Name, number, 1+c.Standbys), c.Worker)
			here, over := c.over[id]
			if rank >= 0 && (here || !over) {
				mine++
			}
			d := c.duties[id]
			switch {
			case over:
			case rank >= 0 && d == nil:
				c.begin(id, stage, rank == 0)
			case rank >= 0:
				d.owns.Store(rank == 0)
				if d.keep != nil {
					d.keep()
					d.keep = nil
				}
			case d != nil && d.keep == nil:
				c.release(d)
			}
		}
	}
	c.purging.Store(ownership.Owners(c.workers, "", 0, 1)[0] == c.Worker)
	c.Watch.Assign(c.workers, mine)
}

func (c *crew) begin(id checkpoint.ShardID, stage *plan.Stage, owns bool) {
	d := &duty{id: id, stage: stage}
	d.owns.Store(owns)
	c.duties[id] = d
	c.Watch.Begin(id, &d.stats)
	var ctx context.Context
	ctx, d.cancel = context.WithCancelCause(c.ctx)
	c.running.Go(func() {
		d.err = c.runShard(ctx, d)
		c.exits <- d
	})
}

// exit takes note of a run that has ended.
func (c *crew) exit(d *duty) {
	delete(c.duties, d.id)
	d.cancel(nil)
	if d.keep != nil {
		d.keep()
	}
	switch {
	case d.err != nil:
		c.errs = append(c.errs, d.err)
	case d.stats.Done.Load():
		c.over[d.id] = true
	default:
		c.Watch.End(d.id, &d.stats)
	}
}

// release hands a shard over: this worker runs it until the checkpoint of another has come to where it is now. So nobody
// waits for whoever takes over to load the state and to read what was read since.
func (c *crew) release(d *duty) {
	d.owns.Store(false)
	var ctx context.Context
	ctx, d.keep = context.WithCancel(c.ctx)
	at := d.stats.Applied.Load()
	c.running.Go(func() {
		ticker := time.NewTicker(takenOverEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			stored, err := c.store.Load(ctx, d.id)
			taken := err == nil && stored.Fence.Writer != c.writer && stored.Fence.Position.Seq >= at
			if errors.Is(err, checkpoint.ErrNone) && d.stats.Messages.Load() == 0 {
				taken = true // there is nothing to take over
			}
			if taken {
				c.Logger.Info("another worker has taken a shard over", "stage", d.id.Stage, "shard", d.id.Shard, "position", stored.Fence.Position.Seq)
				d.cancel(shard.ErrReleased)
				return
			}
		}
	})
}

// handOver goes on for those who take over, if there is anyone, but not for long.
func (c *crew) handOver(views <-chan []string) {
	for _, d := range c.duties {
		if d.keep == nil {
			c.release(d)
		}
	}
	enough := time.NewTimer(min(c.Drain, handOverWait))
	defer enough.Stop()
	for len(c.duties) > 0 && len(c.workers) > 1 {
		select {
		case d := <-c.exits:
			c.exit(d)
		case c.workers = <-views:
		case <-enough.C:
			return
		}
	}
}

// look asks whether the shards of others have ended.
func (c *crew) look(ctx context.Context) {
	for _, stage := range c.Plan.Stages {
		for number := range stage.Shards {
			id := checkpoint.ShardID{Stage: stage.Name, Shard: number}
			if _, over := c.over[id]; over {
				continue
			}
			if stored, err := c.store.Load(ctx, id); err == nil && stored.Fence.Done {
				c.over[id] = false
			}
		}
	}
}
