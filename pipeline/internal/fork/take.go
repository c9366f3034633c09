package fork

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/engine"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/pipeline/internal/version"
)

// Config says what takes over.
type Config struct {
	Conn   *nats.Conn
	Plan   *plan.Plan
	Logger *slog.Logger
	// Step, if not nil, is told of each step before it is done. Tests end the process there.
	Step func(name string)
}

const (
	// rounds is how many checkpoints of a shard are tried, if the old version replaces them while they are copied.
	rounds = 100
	// roundPause is the time between two of them.
	roundPause = 5 * time.Millisecond
)

// forker takes over one version.
type forker struct {
	Config
	old, store *jetstore.Store
	from       string
	decision   decision
	start      engine.StartRecord // of the old version
}

// Take begins the epoch of the plan with the states that it keeps of the active version. Mine is what the epoch would begin with otherwise. It does nothing if
// there is no other version, none that has state for this one, or if the author has declared that this one begins anew, by another
// Version. It returns an error that wraps ErrRefused, and has written nothing, if this version has states of the same names that it cannot
// take over.
func Take(ctx context.Context, cfg Config, store *jetstore.Store, mine engine.StartRecord) error {
	f := &forker{Config: cfg, store: store}
	active, _, err := store.Active(ctx)
	if err != nil || active == "" || active == cfg.Plan.Epoch() {
		return err
	}
	f.from = active
	f.old, err = jetstore.Open(ctx, jetstore.Config{Conn: cfg.Conn, Pipeline: cfg.Plan.Graph.Name, Epoch: active, Logger: cfg.Logger})
	if err != nil {
		return err
	}
	begins, err := f.compare(ctx)
	if err != nil || begins {
		return err
	}
	return f.establish(ctx, mine)
}

// compare reads what the active version is, and decides what is kept of it. It returns true if this version begins anew.
func (f *forker) compare(ctx context.Context) (anew bool, err error) {
	before, err := version.Plan(ctx, f.old)
	if err != nil {
		return false, err
	}
	if before == nil {
		return false, fmt.Errorf("%w: %s was begun by a release that did not keep plans; run it once with this one, or begin anew (Config.Anew)", ErrRefused, f.from)
	}
	next := f.Plan.Document()
	if before.Version != next.Version {
		f.Logger.Info("this version begins anew, since it declares another Version than the active one", "epoch", f.Plan.Epoch(), "active", f.from)
		return true, nil
	}
	done, all, err := f.done(ctx, before.Stages)
	if err != nil {
		return false, err
	}
	if done == all {
		f.Logger.Info("this version begins anew, since the active one has ended", "epoch", f.Plan.Epoch(), "active", f.from)
		return true, nil
	}
	f.decision, err = decide(*before, next)
	if err == nil && done > 0 && len(f.decision.kept) > 0 {
		err = fmt.Errorf("%w: %d of its %d shards have ended; let it come to its end", ErrRefused, done, all)
	}
	if err == nil && len(f.decision.kept) > 0 && promised(f.Plan) {
		err = fmt.Errorf("%w: it has states that are sealed by values (operators.SealedOn), and what producers have promised of them cannot be taken over yet", ErrRefused)
	}
	if err != nil {
		return false, fmt.Errorf("%w\nThe active version is %s; let this one begin anew with Config.Anew, or with another Version", err, f.from)
	}
	if len(f.decision.kept) == 0 {
		f.Logger.Info("this version begins anew, since it keeps no state of the active one", "epoch", f.Plan.Epoch(), "active", f.from)
		return true, nil
	}
	record, found, err := f.old.ReadOnce(ctx, engine.StartKey)
	if err == nil && !found {
		err = errors.New("its start record is gone")
	}
	if err == nil {
		err = json.Unmarshal(record, &f.start)
	}
	if err != nil {
		return false, fmt.Errorf("fork of %s: %w", f.from, err)
	}
	return false, nil
}

// promised reports whether a state is sealed by values that producers promise.
func promised(p *plan.Plan) bool {
	return slices.ContainsFunc(p.Stages, func(s *plan.Stage) bool { return s.Root.Source != nil && len(s.Root.Source.Attributes) > 0 })
}

// done counts the shards of stages of the old version, and those that have ended.
func (f *forker) done(ctx context.Context, stages []plan.StageDocument) (done, all int, err error) {
	for id := range shards(stages) {
		all++
		loaded, err := f.old.Load(ctx, id)
		if err != nil && !errors.Is(err, checkpoint.ErrNone) {
			return 0, 0, err
		}
		if loaded.Fence.Done {
			done++
		}
	}
	return done, all, nil
}

// shards yields the shards of stages.
func shards(stages []plan.StageDocument) iter.Seq[checkpoint.ShardID] {
	return func(yield func(checkpoint.ShardID) bool) {
		for _, s := range stages {
			for n := range s.Shards {
				if !yield(checkpoint.ShardID{Stage: s.Name, Shard: n}) {
					return
				}
			}
		}
	}
}

// establish copies the newest checkpoint of each shard and makes them those of the new epoch, all in one step.
func (f *forker) establish(ctx context.Context, mine engine.StartRecord) error {
	fences := make(map[checkpoint.ShardID]checkpoint.Fence)
	history := &engine.History{Epoch: f.from, States: f.decision.states, Cut: make(map[string][]uint64)}
	start := engine.StartRecord{Logs: make(map[string]engine.LogStart), From: history}
	maps.Copy(start.Logs, mine.Logs)
	for id := range shards(f.decision.stages) {
		start.Logs[id.Stage] = f.start.Logs[id.Stage]
		at := f.start.Logs[id.Stage].After // one without a checkpoint goes on where the old one would begin
		fence, found, err := f.cut(ctx, id)
		if err != nil {
			return fmt.Errorf("fork of %s: %w", f.from, err)
		}
		if found {
			fences[id], at = fence, fence.Position.Seq
		}
		history.Cut[id.Stage] = append(history.Cut[id.Stage], at)
	}
	record, err := json.Marshal(start)
	if err != nil {
		return fmt.Errorf("fork: %w", err)
	}
	f.step("establish")
	err = f.store.Establish(ctx, map[string][]byte{engine.StartKey: record}, fences)
	if errors.Is(err, jetstore.ErrTaken) {
		return nil // another owner has begun the epoch: what stands is for all
	}
	if err == nil {
		f.Logger.Info("this version goes on from the active one", "epoch", f.Plan.Epoch(), "active", f.from,
			"kept", list(f.decision.states), "dropped", list(f.decision.lost), "begin empty behind the cut", list(f.decision.fresh), "cut", history.Cut)
	}
	return err
}

// cut copies the newest checkpoint of a shard; if that is replaced while it is copied, what is new in the one that is then the newest.
func (f *forker) cut(ctx context.Context, id checkpoint.ShardID) (fence checkpoint.Fence, found bool, err error) {
	copied := make(map[string]checkpoint.SegmentRef)
	why := "its checkpoints are replaced faster than they can be copied; stop that version first, or give it a longer time between checkpoints"
	for range rounds {
		f.step("look at " + id.String())
		loaded, err := f.old.Load(ctx, id)
		if errors.Is(err, checkpoint.ErrNone) {
			return checkpoint.Fence{}, false, nil
		}
		if err != nil {
			return checkpoint.Fence{}, false, err
		}
		if loaded.Fence.Done {
			return checkpoint.Fence{}, false, fmt.Errorf("%w: %v has ended meanwhile; start this version again when all have, or let it begin anew (Config.Anew)", ErrRefused, id)
		}
		waiting, err := shard.Undelivered(loaded.Fence.Meta)
		if err == nil && waiting == 0 {
			fence, err = f.copy(ctx, id, loaded.Fence, copied)
		}
		if waiting > 0 { // they are the old version's, which has to write them
			why = "results wait in its outbox; let that version run until they have left"
		} else if !errors.Is(err, checkpoint.ErrSegmentGone) {
			return fence, err == nil, err
		}
		if err := pause(ctx); err != nil {
			return checkpoint.Fence{}, false, err
		}
	}
	return checkpoint.Fence{}, false, fmt.Errorf("%v: %s", id, why)
}

func (f *forker) step(name string) {
	if f.Step != nil {
		f.Step(name)
	}
}

func pause(ctx context.Context) error {
	timer := time.NewTimer(roundPause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
