package fork

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/engine"
)

// errAgain is returned by a round that has found a cut of which something was gone before it was copied.
var errAgain = errors.New("the exchange has dropped what was on its way, since later checkpoints have it")

// take looks for a cut until there is one, copies what is on the old version's side of it, and begins the epoch.
func (f *forker) take(ctx context.Context, mine engine.StartRecord) (err error) {
	hold := &hold{forker: f}
	if slices.ContainsFunc(f.Plan.Stages, (*plan.Stage).Exchanged) {
		f.step("hold")
		if err := hold.begin(ctx); err != nil {
			return fmt.Errorf("fork of %s: %w", f.from, err)
		}
	}
	defer hold.end(ctx)
	for {
		taken, err := f.round(ctx, mine, hold)
		if !taken {
			f.drop(ctx)
		}
		if !errors.Is(err, errAgain) {
			return err
		}
		if err := f.pause(ctx, err.Error()); err != nil {
			return fmt.Errorf("fork of %s: %w", f.from, err)
		}
	}
}

// round makes one cut, and tells whether it is the one that the epoch begins with.
func (f *forker) round(ctx context.Context, mine engine.StartRecord, hold *hold) (taken bool, err error) {
	cuts, err := f.cuts(ctx)
	if err != nil {
		return false, fmt.Errorf("fork of %s: %w", f.from, err)
	}
	if ended, err := f.ended(ctx, cuts); err != nil || ended {
		return false, err
	}
	if err := f.carry(ctx, cuts, hold); err != nil {
		return false, fmt.Errorf("fork of %s: %w", f.from, err)
	}
	return f.establish(ctx, mine, cuts, hold)
}

// ended reports whether the old version has come to its end meanwhile, so that there is nothing to go on with.
func (f *forker) ended(ctx context.Context, cuts map[checkpoint.ShardID]*cut) (bool, error) {
	for _, c := range cuts {
		if !c.fence.Done {
			return false, nil
		}
	}
	done, all, err := f.done(ctx, f.before.Stages)
	return done == all, err
}

// establish makes the checkpoints and the start record those of the new epoch, all in one step.
func (f *forker) establish(ctx context.Context, mine engine.StartRecord, cuts map[checkpoint.ShardID]*cut, hold *hold) (taken bool, err error) {
	fences := make(map[checkpoint.ShardID]checkpoint.Fence)
	history := &engine.History{Epoch: f.from, States: f.decision.states, Cut: make(map[string][]uint64)}
	start := engine.StartRecord{Logs: make(map[string]engine.LogStart), From: history}
	maps.Copy(start.Logs, mine.Logs)
	for _, stage := range f.Plan.Stages {
		if !stage.Exchanged() {
			continue
		}
		log := start.Logs[stage.Name]
		log.After = hold.at // nothing of this epoch is before
		start.Logs[stage.Name] = log
	}
	for id := range shards(f.decision.stages) {
		c := cuts[id]
		if stage := f.stage(id.Stage); !stage.Exchanged() { // one without a checkpoint goes on where the old one would begin
			start.Logs[id.Stage] = f.start.Logs[id.Stage]
		}
		history.Cut[id.Stage] = append(history.Cut[id.Stage], c.fence.Position.Seq)
	}
	for id, c := range cuts {
		if c.found {
			fences[id] = c.fence
		}
	}
	record, err := json.Marshal(start)
	if err != nil {
		return false, fmt.Errorf("fork: %w", err)
	}
	if err := hold.check(); err != nil {
		return false, fmt.Errorf("fork of %s: %w", f.from, err)
	}
	f.step("establish")
	err = f.store.Establish(ctx, map[string][]byte{engine.StartKey: record}, fences)
	if errors.Is(err, jetstore.ErrTaken) {
		return false, nil // another owner has begun the epoch: what stands is for all
	}
	if err == nil {
		f.Logger.Info("this version goes on from the active one", "epoch", f.Plan.Epoch(), "active", f.from,
			"kept", list(f.decision.states), "dropped", list(f.decision.lost), "begin empty behind the cut", list(f.decision.fresh), "cut", history.Cut)
	}
	return true, err // also if it is not known
}

func (f *forker) stage(name string) *plan.Stage {
	return f.Plan.Stages[slices.IndexFunc(f.Plan.Stages, func(s *plan.Stage) bool { return s.Name == name })]
}
