package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/answer"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/lookup"
	"github.com/nats-io/nats.go"
)

// asking is how a State asks. It is shared by all windows of it.
type asking struct {
	conn            *nats.Conn
	of              Of
	patience, every time.Duration
	store           checkpoint.Store // nil if only workers are asked
	newest          *newest
}

func askingOf(cfg Config, store checkpoint.Store) asking {
	return asking{
		conn: cfg.Conn, of: cfg.Ask, patience: cmp.Or(cfg.Patience, time.Second), every: cmp.Or(cfg.Every, 250*time.Millisecond),
		store: store, newest: &newest{of: make(map[checkpoint.ShardID]reached)},
	}
}

// newest remembers how far the answers about each shard have come, so that none goes back: owners are at different places, and checkpoints
// behind them all.
type newest struct {
	mu sync.Mutex
	of map[checkpoint.ShardID]reached
}

// reached is a place in a log: nothing of the shard stands between the last message that was applied and the position.
type reached struct{ last, position uint64 }

func (n *newest) get(id checkpoint.ShardID) reached {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.of[id]
}

// raise notes what was seen, and returns the position of it: the newest known at which the state is this one.
func (n *newest) raise(id checkpoint.ShardID, at checkpoint.Position) (position uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.of[id]
	if position = at.Seq; r.last <= at.Seq && at.Seq < r.position {
		position = r.position
	}
	n.of[id] = reached{max(r.last, at.LastSeq), max(r.position, position)}
	return position
}

// seen is the state of a key, as somebody has it.
type seen struct {
	plan.Finding
	Position checkpoint.Position
	Frontier int64
	// began says that something of the log was applied.
	began  bool
	origin string
}

// look looks for the state of one key again and again. One goroutine uses it.
type look struct {
	asking
	id      checkpoint.ShardID
	epoch   string
	fold    *plan.Node
	instant *time.Time
	key     []byte
	stored  lookup.Look

	last   seen
	looked bool
}

// at returns the instant that says which window is meant.
func (l *look) at() int64 {
	if l.instant == nil {
		return 0
	}
	return l.instant.UnixNano()
}

// now returns what is known now.
func (l *look) now(ctx context.Context) (seen, error) {
	if l.of != Checkpoints {
		s, err := l.live(ctx, 0, "")
		if err == nil || l.of == Workers || ctx.Err() != nil {
			return s, err
		}
	}
	return l.checkpoint(ctx)
}

// next returns what is known now, and from the second call on what is known when that has changed, or might have.
func (l *look) next(ctx context.Context) (s seen, err error) {
	defer func() { l.last, l.looked = s, true }()
	if !l.looked {
		return l.now(ctx)
	}
	if l.of != Checkpoints {
		wait := answer.MaxWait / 4
		if deadline, ok := ctx.Deadline(); ok {
			wait = max(0, min(wait, time.Until(deadline)))
		}
		s, err := l.live(ctx, wait, answer.Mark(l.last.Finding))
		if err == nil {
			return s, nil
		}
	}
	timer := time.NewTimer(l.every)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return l.last, nil
	}
	s, err = l.now(ctx)
	switch {
	case ctx.Err() != nil, errors.Is(err, ErrBehind), l.looked && errors.Is(err, ErrNoWorker):
		return l.last, nil // it may be there again
	}
	return s, err
}

// checkpoint reads the newest checkpoint.
func (l *look) checkpoint(ctx context.Context) (seen, error) {
	found, err := l.stored.Newest(ctx)
	if err != nil {
		return seen{}, err
	}
	if before := l.newest.get(l.id); found.Position.Seq < before.last {
		return seen{}, fmt.Errorf("%w: %s is at %d there, and was at %d", ErrBehind, l.id, found.Position.Seq, before.last)
	}
	found.Position.Seq = l.newest.raise(l.id, found.Position)
	return seen{found.Finding, found.Position, found.Frontier, found.Revision > 0, answer.OfCheckpoint}, nil
}

// live asks the workers. With a wait it is until the state is unlike the one that is known.
func (l *look) live(ctx context.Context, wait time.Duration, unlike string) (seen, error) {
	r := answer.Request{At: l.instant, From: l.newest.get(l.id).last, Raw: true, Unlike: unlike}
	if r.EncodedKey = l.key; len(l.key) == 0 {
		r.Key, r.EncodedKey = new(string), nil
	}
	kind := answer.LowerBound
	switch {
	case wait > 0:
		r.Wait, kind = wait.String(), answer.Await
	case r.From > 0:
		r.Wait = (l.patience / 2).String() // for an owner that is a little behind
	}
	subject := answer.Subject(l.fold.Graph().Name, l.epoch, l.id, l.fold.Name, kind)
	reply, err := answer.Ask(ctx, l.conn, subject, r, l.patience)
	if err == nil && reply.Raw == nil {
		err = errors.New("the answer of a worker has no state")
	}
	if err != nil {
		return seen{}, fmt.Errorf("%w: %s, shard %s: %w", ErrNoWorker, l.fold.Label(), l.id, err)
	}
	raw := reply.Raw
	s := seen{
		Finding:  plan.Finding{Known: true, Present: raw.Present, Window: plan.Span{Start: raw.Start, End: raw.End}, Value: raw.Value},
		Position: checkpoint.Position{Incarnation: reply.Position.Incarnation, Seq: reply.Position.Seq, LastSeq: raw.LastSeq},
		Frontier: raw.Frontier, began: !raw.Fresh, origin: reply.Origin,
	}
	if s.Position.Seq < r.From {
		return seen{}, fmt.Errorf("%w: %s is at %d in %s, and was at %d", ErrBehind, l.id, s.Position.Seq, s.origin, r.From)
	}
	s.Position.Seq = l.newest.raise(l.id, s.Position)
	return s, nil
}
