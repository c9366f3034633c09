package fork

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/engine"
	"github.com/calmstream/calmstream/pipeline/internal/version"
)

// Config says what takes over.
type Config struct {
	Conn   *nats.Conn
	Plan   *plan.Plan
	Logger *slog.Logger
	// Patience is how long a cut is looked for while the old version replaces its checkpoints, or has none yet that fit together; 0 means half a minute.
	Patience time.Duration
	// Step, if not nil, is told of each step before it is done. Tests end the process there.
	Step func(name string)
}

const (
	// patience is longer than the usual time between checkpoints, also those of a standby.
	patience = 30 * time.Second
	// roundPause is the time between two looks at a checkpoint that does not do.
	roundPause = 5 * time.Millisecond
)

// forker takes over one version.
type forker struct {
	Config
	js         jetstream.JetStream
	old, store *jetstore.Store
	from       string
	before     plan.Document // the old version
	decision   decision
	start      engine.StartRecord // of the old version
	until      time.Time          // when there is to be a cut
	created    map[string]int64   // of the logs of the stages, as they are now
	mark       string             // of what this process stores
	serial     int                // of the segments with what was on its way
	copied     map[checkpoint.ShardID]map[string]checkpoint.SegmentRef
	// carried are the segments with what was on its way.
	carried []carried
}

// Take begins the epoch of the plan with the states that it keeps of the active version. Mine is what the epoch would begin with otherwise. It does nothing if
// there is no other version, none that has state for this one, or if the author has declared that this one begins anew, by another
// Version. It returns an error that wraps ErrRefused, and has written nothing, if this version has states of the same names that it cannot
// take over.
func Take(ctx context.Context, cfg Config, store *jetstore.Store, mine engine.StartRecord) error {
	f := &forker{Config: cfg, store: store, mark: nuid.Next(), copied: make(map[checkpoint.ShardID]map[string]checkpoint.SegmentRef)}
	f.created = make(map[string]int64)
	for stage, log := range mine.Logs {
		f.created[stage] = log.Created
	}
	f.until = time.Now().Add(cmp.Or(cfg.Patience, patience))
	active, _, err := store.Active(ctx)
	if err != nil || active == "" || active == cfg.Plan.Epoch() {
		return err
	}
	f.from = active
	f.old, err = jetstore.Open(ctx, jetstore.Config{Conn: cfg.Conn, Pipeline: cfg.Plan.Graph.Name, Epoch: active, Logger: cfg.Logger})
	if err != nil {
		return err
	}
	if f.js, err = jetstream.New(cfg.Conn); err != nil {
		return fmt.Errorf("fork: %w", err)
	}
	begins, err := f.compare(ctx)
	if err != nil || begins {
		return err
	}
	return f.take(ctx, mine)
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
	f.before = *before
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
	f.decision, err = decide(f.before, next)
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

func (f *forker) step(name string) {
	if f.Step != nil {
		f.Step(name)
	}
}
