package pipeline

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// Monitor shows the counters of a running pipeline. The zero Monitor is ready for use, by any number of goroutines.
type Monitor struct {
	mu      sync.Mutex
	workers []string // nil before the run has begun
	want    int      // shards of this worker
	done    bool
	shards  map[checkpoint.ShardID]*shard.Stats
}

// ShardStatus is what one shard has done in this process.
type ShardStatus struct {
	Stage string
	Shard int
	// Messages and Bytes count what was read from the log.
	Messages, Bytes uint64
	// Results counts results handed to sinks, DeadLetters records that could not be used, and Late records that came after
	// the seal of their window.
	Results, DeadLetters, Late uint64
	// Checkpoints counts commits and CheckpointBytes the state they wrote. Conflicts counts commits that another owner was
	// faster with, and Adoptions the times its state was loaded.
	Checkpoints, CheckpointBytes, Conflicts, Adoptions uint64
	// CoordinationWaits counts windows, and records without a match, whose results waited for a seal. It stays 0 where
	// nothing stands behind one: what is monotone waits for nobody.
	CoordinationWaits uint64
	// Repeated counts records that came again from a registered producer, and were not counted twice.
	Repeated uint64
	// Awaited are the registered producers whose promises hold the frontier back.
	Awaited []string
	// Divergences counts the times that another owner was found to have made something else of the same input: a function
	// that is not deterministic, or another program of the same Version. It should stay 0.
	Divergences uint64
	// Position is the stream sequence that has been applied, Committed that of the newest checkpoint, and Resumed that of
	// the checkpoint with which the shard began in this process; 0 if there was none.
	Position, Committed, Resumed uint64
	// Restored is how long it took to load that checkpoint, which is proportional to its size in bytes, RestoredBytes.
	Restored      time.Duration
	RestoredBytes int64
	// Lag counts messages that wait in the log.
	Lag uint64
	// OpenWindows counts windows that wait for their seal.
	OpenWindows int64
	// Frontier is the event time before which the input is complete; zero if nothing is known yet.
	Frontier time.Time
	// Running says that the shard has its state loaded and its log open.
	Running bool
	// Done says that the input has ended and everything is stored.
	Done bool
}

// watch tells a monitor what the engine does.
type watch struct{ *Monitor }

func (w watch) Begin(id checkpoint.ShardID, stats *shard.Stats) {
	stats.Frontier.Store(plan.Beginning)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shards == nil {
		w.shards = make(map[checkpoint.ShardID]*shard.Stats)
	}
	w.shards[id] = stats
}

func (w watch) End(id checkpoint.ShardID, stats *shard.Stats) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shards[id] == stats {
		delete(w.shards, id)
	}
}

func (w watch) Assign(workers []string, shards int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.workers, w.want = workers, shards
}

func (w watch) Finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = true
}

// begin tells of a run.
func (m *Monitor) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.workers, m.want, m.shards, m.done = nil, 0, nil, false
}

// Running says whether every shard that is this worker's has its state loaded and its log open, or has read its input to the end.
// A worker is ready once it is true.
func (m *Monitor) Running() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.shards {
		if !s.Reading.Load() && !s.Done.Load() {
			return false
		}
	}
	return m.workers != nil && len(m.shards) >= m.want
}

// Done says whether the input of every shard has ended and everything is stored, whichever workers ran them.
func (m *Monitor) Done() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.done
}

// Workers returns the names of the workers that run the pipeline, as far as this one has heard, by name; nil before it has begun.
func (m *Monitor) Workers() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.workers)
}

// Shards returns the status of each shard that this worker runs or has ended, by stage and number.
func (m *Monitor) Shards() []ShardStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]ShardStatus, 0, len(m.shards))
	for id, s := range m.shards {
		status := ShardStatus{
			Stage: id.Stage, Shard: id.Shard,
			Messages: s.Messages.Load(), Bytes: s.Bytes.Load(),
			Results: s.Results.Load(), DeadLetters: s.Rejected.Load(), Late: s.Late.Load(),
			Checkpoints: s.Checkpoints.Load(), CheckpointBytes: s.CheckpointBytes.Load(),
			Conflicts: s.Conflicts.Load(), Adoptions: s.Adoptions.Load(),
			CoordinationWaits: s.Waits.Load(), Repeated: s.Repeated.Load(), Divergences: s.Divergences.Load(),
			Position: s.Position.Load(), Committed: s.Committed.Load(), Resumed: s.Resumed.Load(),
			Restored: time.Duration(s.Restored.Load()), RestoredBytes: s.RestoredBytes.Load(),
			Lag: s.Lag.Load(), OpenWindows: s.OpenWindows.Load(), Running: s.Reading.Load(), Done: s.Done.Load(),
		}
		if f := s.Frontier.Load(); f != plan.Beginning && f != plan.End {
			status.Frontier = time.Unix(0, f).UTC()
		}
		if names := s.Awaited.Load(); names != nil {
			status.Awaited = slices.Clone(*names)
		}
		out = append(out, status)
	}
	slices.SortFunc(out, func(a, b ShardStatus) int {
		return cmp.Or(cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Shard, b.Shard))
	})
	return out
}
