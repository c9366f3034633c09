package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/pipeline/internal/source"
	"github.com/calmstream/calmstream/pipeline/internal/version"
	"github.com/nats-io/nats.go/jetstream"
)

// StartKey is the key of the start record.
const StartKey = "start"

// StartRecord is what a run begins with. It is created once for an epoch, before the first step, and every owner reads it:
// what came from outside the data is the same for all.
type StartRecord struct {
	// Logs has, for each stage, the stream that it reads.
	Logs map[string]LogStart `json:"logs"`
	// From says which version the epoch goes on from; nil if it began anew.
	From *History `json:"from,omitempty"`
}

// History says what an epoch has taken over.
type History struct {
	// Epoch is that of the other version, and States are the names of what was kept.
	Epoch  string   `json:"epoch"`
	States []string `json:"states"`
	// Cut has, for each stage that goes on, the position of each shard. What is new begins behind it.
	Cut map[string][]uint64 `json:"cut"`
}

// LogStart is where a stage begins to read.
type LogStart struct {
	Stream string `json:"stream"`
	// Created is the creation time of the stream in nanoseconds since 1970.
	Created int64 `json:"created"`
	// After is the sequence behind which reading begins.
	After uint64 `json:"after"`
	// Cuts has, if the input has recorded cuts and does not begin with the first message of the stream, the number of the last cut
	// before the beginning, for each shard. Records of earlier versions do not have it, which means 0.
	Cuts []int64 `json:"cuts,omitempty"`
	// Votes has, if the input has registered producers and does not begin with the first message that the stream ever had, what each
	// shard has to know of them. Records of earlier versions do not have it, which means that none had published anything.
	Votes [][]byte `json:"votes,omitempty"`
	// Last is the sequence of the last message of a bounded input, which is what stood there when the run began.
	Last *uint64 `json:"last,omitempty"`
}

// bound returns where the log ends.
func (l LogStart) bound() shard.Bound {
	if l.Last == nil {
		return shard.Bound{}
	}
	return shard.Bound{Set: true, Last: *l.Last}
}

// recordStart creates the start record or reads the one that stands.
func (e *engine) recordStart(ctx context.Context) error {
	const key = StartKey
	mine := StartRecord{Logs: make(map[string]LogStart)}
	stored, found, err := e.store.ReadOnce(ctx, key)
	if err != nil {
		return err
	}
	if !found {
		if err := e.nothingLost(ctx); err != nil {
			return err
		}
	}
	looks := make(map[string]*jetstream.StreamInfo)
	for _, stage := range e.Plan.Stages {
		begin, err := e.beginning(ctx, stage, looks, !found)
		if err != nil {
			return err
		}
		mine.Logs[stage.Name] = begin
	}
	if !found {
		stored, err = e.createStart(ctx, key, mine)
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(stored, &e.start); err != nil {
		return fmt.Errorf("engine: the run record of epoch %s is damaged: %w", e.Plan.Epoch(), err)
	}
	e.Logger.Debug("run record", "epoch", e.Plan.Epoch(), "found", found)
	if err := e.sameInputs(mine); err != nil {
		return err
	}
	return version.Record(ctx, e.store, e.Plan)
}

// createStart creates the start record, unless another owner has meanwhile, and returns the one that stands.
func (e *engine) createStart(ctx context.Context, key string, mine StartRecord) ([]byte, error) {
	for _, stage := range e.Plan.Stages {
		if stage.Exchanged() {
			continue
		}
		begin := mine.Logs[stage.Name]
		var err error
		if source := stage.Root.Source; source.Cuts {
			begin.Cuts, err = e.cutsBefore(ctx, stage, begin)
		} else if len(source.Producers) > 0 {
			begin.Votes, err = e.votesBefore(ctx, stage, begin)
		}
		if err != nil {
			return nil, err
		}
		mine.Logs[stage.Name] = begin
	}
	if e.TakeOver != nil {
		if err := e.TakeOver(ctx, e.store, mine); err != nil {
			return nil, err
		}
	}
	value, err := json.Marshal(mine)
	if err != nil {
		return nil, fmt.Errorf("engine: run record: %w", err)
	}
	stored, _, err := e.store.CreateOnce(ctx, key, value)
	if err != nil {
		return nil, fmt.Errorf("engine: the run record cannot be stored: %w", err)
	}
	return stored, nil
}

// sameInputs fails if an input is not the stream that the run began with. A shard that reads finds out by itself; one that
// has ended reads no more, and the results that stand are not about the new stream.
func (e *engine) sameInputs(found StartRecord) error {
	for _, stage := range e.Plan.Stages {
		now, then := found.Logs[stage.Name], e.start.Logs[stage.Name]
		if !stage.Exchanged() && now.Created != then.Created {
			return &source.RecreatedError{Stream: now.Stream, Expected: time.Unix(0, then.Created), Found: time.Unix(0, now.Created)}
		}
	}
	return nil
}

// beginning says where a stage would begin if this were the first owner. A stream that does not exist is an error for every one.
//
// Where within the stream is a question for the first one too: the beginning may have left the stream since, behind the checkpoints. looks
// has the streams that were looked at before: inputs that read one stream begin and end together, also while it grows.
func (e *engine) beginning(ctx context.Context, stage *plan.Stage, looks map[string]*jetstream.StreamInfo, first bool) (LogStart, error) {
	begin := LogStart{Stream: ExchangeStream(e.Plan.Graph.Name)}
	if !stage.Exchanged() {
		begin.Stream = stage.Root.Source.Stream
	}
	info := looks[begin.Stream]
	if info == nil {
		stream, err := e.js.Stream(ctx, begin.Stream)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return begin, missing(fmt.Sprintf("the stream %q that %s reads does not exist; create it, or restore it if the pipeline has read it before", begin.Stream, stage.Name))
		}
		if err != nil {
			return begin, fmt.Errorf("the stream %q that %s reads cannot be looked up: %w", begin.Stream, stage.Name, err)
		}
		info = stream.CachedInfo()
		looks[begin.Stream] = info
	}
	begin.Created = info.Created.UnixNano()
	if info.State.FirstSeq > 0 {
		begin.After = info.State.FirstSeq - 1
	}
	if !stage.Exchanged() {
		if err := dividedAs(stage.Root.Source, &info.Config); err != nil {
			return begin, err
		}
	}
	if first && !stage.Exchanged() {
		return begin, e.within(ctx, stage.Root.Source, &info.State, &begin)
	}
	return begin, nil
}

// missing says in a sentence of ours that a stream was not found; what the server says about that would add nothing.
type missing string

func (m missing) Error() string { return string(m) }
func (m missing) Unwrap() error { return jetstream.ErrStreamNotFound }

// nothingLost fails if the epoch, which has no start record, has begun all the same: then the record was lost, and the checkpoints perhaps too.
// What the exchange holds was made from another beginning than what would be made now.
func (e *engine) nothingLost(ctx context.Context) error {
	shards, _, err := e.store.Contents(ctx)
	if err != nil {
		return err
	}
	records, err := e.waiting(ctx)
	if err != nil {
		return err
	}
	written, err := e.written(ctx)
	if err != nil {
		return err
	}
	if len(shards) == 0 && records == 0 && written == nil {
		return nil
	}
	if _, found, err := e.store.ReadOnce(ctx, StartKey); err != nil || found { // another worker has just begun
		return err
	}
	name := e.Plan.Graph.Name
	what := fmt.Sprintf("its %d checkpoints are there", len(shards))
	switch {
	case len(shards) > 0:
	case written != nil:
		return fmt.Errorf("%w: the state of epoch %s of pipeline %s is missing in the bucket calm_%s, while stream %s holds results of it, which would come a second time; "+
			"restore the bucket, declare a new Version of the pipeline to begin anew, or remove what is there with: nats stream purge %s --subject '%s'",
			checkpoint.ErrLost, e.Plan.Epoch(), name, name, written.Stream, written.Stream, e.resultsOf(written))
	default:
		what = fmt.Sprintf("the stream %s holds %d messages of it", ExchangeStream(name), records)
	}
	return fmt.Errorf("%w: the state of epoch %s of pipeline %s is missing in the bucket calm_%s, while %s; restore the bucket, or declare a new Version of the pipeline to begin anew",
		checkpoint.ErrLost, e.Plan.Epoch(), name, name, what)
}

// waiting counts the messages of this epoch in the exchange.
func (e *engine) waiting(ctx context.Context) (n uint64, err error) {
	if e.receivers() == 0 {
		return 0, nil
	}
	stream, err := e.js.Stream(ctx, ExchangeStream(e.Plan.Graph.Name))
	if err != nil {
		return 0, err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter("calm.x."+e.Plan.Graph.Name+"."+e.Plan.Epoch()+".>"))
	if err != nil {
		return 0, err
	}
	for _, count := range info.State.Subjects {
		n += count
	}
	return n, nil
}
