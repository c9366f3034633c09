package shard

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// ErrTruncated is wrapped by the errors of a Log from which messages were taken away before they were read. If a newer
// checkpoint covers them the shard goes on from there.
var ErrTruncated = errors.New("shard: the log was truncated below the reader")

// ErrReleased is the cause of the end of a context that tells a shard that another owner has taken over: it takes no last checkpoint.
var ErrReleased = errors.New("shard: another owner has taken over")

// Log is the ordered input of a shard. One goroutine uses it.
type Log interface {
	// Next returns the messages that are ready, in buf. It waits for one, for the position to move, for wake or for
	// the end of ctx.
	Next(ctx context.Context, wake <-chan struct{}, buf []plan.Message) ([]plan.Message, error)
	// Position returns the sequence up to which everything has been returned.
	Position() uint64
	// Lag returns how many messages wait behind the position.
	Lag() uint64
	// Verify proves that nothing was taken away between the sequence from and the position.
	Verify(ctx context.Context, from uint64) error
	Close() error
}

// Outlet takes what leaves a shard. One goroutine uses it.
type Outlet interface {
	// Put takes the outputs of a batch, in order; it waits while too much is under way. The outlet owns them after the
	// call.
	Put(ctx context.Context, out *Outputs) error
	// Barrier returns a function that waits until everything put so far is durable. It may be called from another goroutine.
	Barrier() func(context.Context) error
}

// Outputs are what a batch made, each list in order.
type Outputs struct {
	Results   []Result
	Rejected  []Rejected
	Envelopes []Envelope
	// Certificates are of the windows that were sealed.
	Certificates []Certificate
}

// Result is a result of a Write node.
type Result struct {
	Write *plan.Node
	plan.Result
}

// Rejected is a record for the dead-letter or the late stream.
type Rejected struct {
	plan.Rejected
	// Payload is the message that held the record; nil behind an exchange.
	Payload []byte
	// Subject is where it was published.
	Subject string
}

// Envelope is a message of an exchange.
type Envelope struct {
	To        *plan.Stage
	Partition int
	Data      []byte
}

func (o *Outputs) empty() bool {
	return len(o.Results) == 0 && len(o.Rejected) == 0 && len(o.Envelopes) == 0 && len(o.Certificates) == 0
}

// Env is what a shard needs.
type Env struct {
	ID    checkpoint.ShardID
	Plan  *plan.Plan
	Stage *plan.Stage
	// Start is where the log begins for a shard without a checkpoint.
	Start checkpoint.Position
	// Bound is where the log ends, if it does not end with a marker. Only the log of an input has one.
	Bound Bound
	// Cut is the number of the last recorded cut before Start; 0 if there was none, or the input has no cuts.
	Cut int64
	// Votes is what is known, at Start, of the producers of the input: what seal.Survey says. It is nil if none had published anything.
	Votes []byte
	// OpenLog opens the log behind a position.
	OpenLog func(ctx context.Context, at checkpoint.Position) (Log, error)
	Store   checkpoint.Store
	Outlet  Outlet
	// Outbox is nil if no result leaves with checkpoints.
	Outbox Outbox
	// Writer is the random mark of this process.
	Writer string
	// Every is the time between checkpoints; the first one comes after First at the latest.
	Every, First time.Duration
	// Owns says whether this worker is the first of the shard's owners, which may change. It then makes the checkpoint its own where it is
	// another's, also if it has nothing to add, for whoever waits to hand the shard over; if it is not, its own checkpoints are rarer.
	// If Owns is nil neither is so.
	Owns func() bool
	// MarkDistance is the distance of the positions at which owners can be compared; 0 means 1<<16, which every owner has.
	MarkDistance uint64
	// GiveUp publishes to the log the message by which the shard is given up on as idle. at is the sequence behind which nothing
	// has come. It is nil unless the input has such a policy.
	GiveUp func(ctx context.Context, at uint64) error
	// Drain bounds the last checkpoint when the shard is told to stop.
	Drain time.Duration
	// Now is the clock that paces checkpoints. Nothing else is told the time.
	Now    func() time.Time
	Logger *slog.Logger
	Stats  *Stats
	// Sweep removes what an owner that died left, as far as it is older than the checkpoint. It is called with the checkpoint that was loaded,
	// and with the first one that was committed, possibly by another goroutine. It may be nil.
	Sweep func(ctx context.Context, loaded checkpoint.Loaded)
	// Sent returns the newest statement about what the producers of a shard behind an exchange have sent it; nil if there is none yet. Each is
	// made after the one before has been returned. It is nil where there is no exchange.
	Sent func() *Sent
	// Asked holds questions about the state, to be answered between batches. It is nil if nobody can ask.
	Asked *Asked
	// Committed is told of each checkpoint of this shard that is known to be durable. It may be nil.
	Committed func(position uint64)
}

// idleEvery is the time between checkpoints that only move the position. Behind an exchange it is shorter: there the
// position says what can be purged, and an owner that is behind finds out that its part was purged.
const (
	idleEvery         = 30 * time.Second
	idleExchangeEvery = 2 * time.Second
)

// standbyPace is how many times rarer than its first owner another one writes a checkpoint: it would only race with it.
const standbyPace = 4

func (e *Env) every() time.Duration {
	if e.Owns != nil && !e.Owns() {
		return standbyPace * e.Every
	}
	return e.Every
}

// look is the time between two looks whether there is a checkpoint to take, where nothing says so.
func (e *Env) look() time.Duration {
	if e.Owns != nil { // it may have become the first owner meanwhile
		return min(e.idle(), standbyPace*e.Every)
	}
	return e.idle()
}

func (e *Env) idle() time.Duration {
	if e.Stage.Exchanged() {
		return idleExchangeEvery
	}
	return idleEvery
}
