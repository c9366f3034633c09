package fork

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// cut is where one shard is taken over.
type cut struct {
	// fence is its checkpoint in the new epoch, if found is set.
	fence checkpoint.Fence
	found bool
	parts shard.Parts
	// sent has, by the name of the stage, the numbers of the next records to its partitions.
	sent map[string][]uint64
	// told has, for each stage that it feeds in the new version, up to when it says that it is complete.
	told []int64
}

// cuts takes the newest checkpoint of each shard that goes on: of those that receive before those that send to them, so that each has been sent all
// that it has taken. A checkpoint that does not do is waited for a later one of.
func (f *forker) cuts(ctx context.Context) (map[checkpoint.ShardID]*cut, error) {
	all := make(map[checkpoint.ShardID]*cut)
	for _, was := range slices.Backward(f.decision.stages) {
		stage := f.stage(was.Name)
		if now, then := f.created[was.Name], f.start.Logs[was.Name].Created; stage.Exchanged() && now != then {
			return nil, fmt.Errorf("%w: the exchange has been made again since it began, so that what was on its way to stage %s is gone", ErrRefused, was.Name)
		}
		for number := range was.Shards {
			id := checkpoint.ShardID{Stage: was.Name, Shard: number}
			c, err := f.cut(ctx, stage, number, all)
			if err != nil {
				return nil, err
			}
			all[id] = c
		}
	}
	return all, nil
}

// cut copies the newest checkpoint of a shard that fits to those of the shards it feeds; if it is replaced while it is copied, what is new in the one that is then the
// newest.
func (f *forker) cut(ctx context.Context, stage *plan.Stage, number int, below map[checkpoint.ShardID]*cut) (*cut, error) {
	id := checkpoint.ShardID{Stage: stage.Name, Shard: number}
	for {
		f.step("look at " + id.String())
		loaded, err := f.old.Load(ctx, id)
		if err != nil && !errors.Is(err, checkpoint.ErrNone) {
			return nil, err
		}
		c, why, err := f.try(ctx, stage, number, loaded.Fence, err == nil, below)
		if errors.Is(err, checkpoint.ErrSegmentGone) {
			err, why = nil, "its checkpoints are replaced faster than they can be copied; stop that version first, or give it a longer time between checkpoints"
		}
		if err != nil || why == "" {
			return c, err
		}
		if err := f.pause(ctx, fmt.Sprintf("%v: %s", id, why)); err != nil {
			return nil, err
		}
	}
}

// try makes the cut of a checkpoint, or says why it cannot be one.
func (f *forker) try(ctx context.Context, stage *plan.Stage, number int, fence checkpoint.Fence, found bool, below map[checkpoint.ShardID]*cut) (c *cut, why string, err error) {
	id := checkpoint.ShardID{Stage: stage.Name, Shard: number}
	waiting, err := shard.Undelivered(fence.Meta)
	if err != nil {
		return nil, "", err
	}
	switch {
	case waiting > 0: // they are the old version's, which has to write them
		return nil, "results wait in its outbox; let that version run until they have left", nil
	case slices.ContainsFunc(fence.Segments, shard.IsArrivals):
		return nil, "it has not yet taken what it was given when its version began; let that version run until it has", nil
	}
	if c, err = f.begin(stage, number, fence, found); err != nil {
		return nil, "", err
	}
	if why := f.behind(stage, number, c, below); why != "" {
		return nil, why, nil
	}
	if c.found {
		if c.fence.Segments, err = f.copy(ctx, id, c.fence.Segments); err != nil {
			return nil, "", err
		}
	}
	if len(stage.To) > 0 && c.found {
		c.told, err = shard.Tells(f.Plan, stage, number, c.fence.Meta, func(each func([]byte) error) error {
			for _, ref := range c.fence.Segments {
				if err := f.store.Read(ctx, id, ref, each); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, "", err
		}
	}
	return c, f.early(stage, number, c, below), nil
}

// begin makes the checkpoint of a shard that of the new version, but for its segments.
func (f *forker) begin(stage *plan.Stage, number int, fence checkpoint.Fence, found bool) (c *cut, err error) {
	c = &cut{found: found || stage.Exchanged(), sent: make(map[string][]uint64)}
	for range stage.To {
		c.told = append(c.told, plan.Beginning)
	}
	if !found {
		start := f.start.Logs[stage.Name]
		c.fence = checkpoint.Fence{Writer: writer, Commit: 1, Position: checkpoint.Position{Incarnation: start.Created, Seq: start.After}}
		if !stage.Exchanged() {
			return c, nil
		}
		if c.fence.Meta, err = shard.Beginning(f.Plan, stage, number); err != nil {
			return nil, err
		}
		c.parts, err = shard.PartsOf(c.fence.Meta, partitions(stage), stage.Producers())
		return c, err
	}
	c.fence = checkpoint.Fence{Writer: writer, Commit: 1, Position: fence.Position, Done: fence.Done, Segments: fence.Segments, Meta: fence.Meta}
	fed := feeds(f.before, stage.Name)
	if len(fed) == 0 && len(stage.To) == 0 && !stage.Exchanged() {
		return c, nil
	}
	var shards []int
	for _, s := range fed {
		shards = append(shards, s.Shards)
	}
	if c.parts, err = shard.PartsOf(fence.Meta, shards, stage.Producers()); err != nil {
		return nil, fmt.Errorf("%s/%d: %w", stage.Name, number, err)
	}
	for i, s := range fed {
		c.sent[s.Name] = c.parts.Sent[i]
	}
	var places []int
	for _, to := range stage.To {
		places = append(places, slices.IndexFunc(fed, func(s plan.StageDocument) bool { return s.Name == to.Name }))
	}
	c.fence.Meta = c.parts.Meta(places, partitions(stage))
	return c, nil
}

// partitions are the numbers of shards of the stages that a stage feeds.
func partitions(stage *plan.Stage) (all []int) {
	for _, to := range stage.To {
		all = append(all, to.Shards)
	}
	return all
}

// numberTo is the number of the next record of a shard to a partition of another stage.
func (c *cut) numberTo(to *plan.Stage, partition int) uint64 {
	if sent := c.sent[to.Name]; sent != nil {
		return sent[partition]
	}
	return 1
}

// behind says which shard has taken more than this one has sent at its cut.
func (f *forker) behind(stage *plan.Stage, number int, c *cut, below map[checkpoint.ShardID]*cut) string {
	for _, to := range stage.To {
		for partition := range to.Shards {
			id := checkpoint.ShardID{Stage: to.Name, Shard: partition}
			if b := below[id]; b != nil && b.parts.Taken[to.Producer(stage, number)] > c.numberTo(to, partition) {
				return fmt.Sprintf("its checkpoint is older than what %v has taken from it; let that version run until it has a newer one", id)
			}
		}
	}
	return ""
}

// early says which shard has heard that more is complete than this one would say in the new version.
func (f *forker) early(stage *plan.Stage, number int, c *cut, below map[checkpoint.ShardID]*cut) string {
	for i, to := range stage.To {
		for partition := range to.Shards {
			id := checkpoint.ShardID{Stage: to.Name, Shard: partition}
			if b := below[id]; b != nil && b.parts.Heard[to.Producer(stage, number)] > c.told[i] {
				return fmt.Sprintf("%v has heard from it that the input is complete before %s, and in the new version it would be before %s; let the old version run until it has a newer checkpoint, and let no seal in between wait longer than it did",
					id, plan.FrontierText(b.parts.Heard[to.Producer(stage, number)]), plan.FrontierText(c.told[i]))
			}
		}
	}
	return ""
}

// pause waits for another checkpoint. It returns an error that says why, if that was long enough.
func (f *forker) pause(ctx context.Context, why string) error {
	if time.Now().After(f.until) {
		return errors.New(why)
	}
	timer := time.NewTimer(roundPause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
