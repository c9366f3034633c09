package query

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/lookup"
	"github.com/nats-io/nats.go"
)

// Of says who is asked.
type Of uint8

const (
	// Checkpoints are read, and no worker is asked.
	Checkpoints Of = iota
	// WorkersFirst asks the workers, and reads the checkpoints where none answers.
	WorkersFirst
	// Workers are asked, and nothing else: where none answers the error wraps ErrNoWorker. That needs no permission to read the checkpoints.
	Workers
)

// Config says who is asked, and how. Only Conn is required.
type Config struct {
	// Conn is the connection to NATS. Nothing closes it.
	Conn *nats.Conn
	// Ask says who is asked. Workers answer if they run with pipeline.Config.Queries.
	Ask Of
	// Patience is how long the answer of a worker is waited for; 0 means a second. If no worker serves the shard that is known at once.
	Patience time.Duration
	// Every is the time between two looks of Await at the checkpoints; 0 means 250 ms.
	Every time.Duration
}

func (c Config) check() error {
	switch {
	case c.Conn == nil:
		return errors.New("query: Config.Conn is nil; connect with nats.Connect first")
	case c.Every < 0 || c.Patience < 0:
		return errors.New("query: Config.Every and Config.Patience must not be negative")
	case c.Ask > Workers:
		return fmt.Errorf("query: Config.Ask is %d; it must be Checkpoints, WorkersFirst or Workers", c.Ask)
	}
	return nil
}

// State is a state of a pipeline as its workers or its checkpoints have it. It may be used by many goroutines at once, and there is nothing to close.
type State[K operators.Key, L any] struct {
	plan   *plan.Plan
	fold   *plan.Node
	values plan.StateCodec[L]
	asking
	// instant says which window is meant; nil if none is.
	instant *time.Time
}

// Open finds a state of the pipeline on a server. The program of the pipeline must be the one that its workers run: what
// another version has is another state. It fails with ErrNotRun if no worker of this version has run there, unless Workers alone are asked.
func Open[K operators.Key, L any](ctx context.Context, p *pipeline.Pipeline, of operators.Shared[K, L], cfg Config) (*State[K, L], error) {
	fold, values := plan.OfShared(of)
	cut, err := p.Plan()
	switch {
	case err != nil:
		return nil, err
	case cfg.check() != nil:
		return nil, cfg.check()
	case fold == nil:
		return nil, errors.New("query: the state is a zero value; take one with operators.Share")
	case fold.Graph() != cut.Graph:
		return nil, fmt.Errorf("query: the state is one of the pipeline %s, and not of %s", fold.Graph().Name, p.Name())
	case fold.Windowing.Cut:
		return nil, fmt.Errorf("query: %s has windows of recorded cuts, which cannot be asked for by time", fold.Label())
	}
	var store checkpoint.Store
	if cfg.Ask != Workers {
		if store, err = lookup.Open(ctx, cfg.Conn, cut); err != nil {
			return nil, fmt.Errorf("query: pipeline %s: %w", p.Name(), err)
		}
	}
	return &State[K, L]{plan: cut, fold: fold, values: values, asking: askingOf(cfg, store)}, nil
}

// At returns the state in the window that holds an instant of event time: of windows that overlap the last that does, which is the one that
// begins there if one does, and of sessions the one that holds it, whatever that becomes. A state without windows needs none.
func (s *State[K, L]) At(instant time.Time) *State[K, L] {
	at := *s
	at.instant = &instant
	return &at
}

// Threshold answers whether the state of a key has reached the set: yes, or unknown. A yes is stable, or final.
func (s *State[K, L]) Threshold(ctx context.Context, key K, at crdt.UpSet[L]) (Answer[crdt.Yes], error) {
	return once(ctx, s, key, threshold(at))
}

// Await is Threshold that waits until the answer is yes. It fails when ctx ends, with ErrNever if the answer can never be yes, and with
// ErrGone if the state was sealed without Await having seen that it had come there.
func (s *State[K, L]) Await(ctx context.Context, key K, at crdt.UpSet[L]) (Answer[crdt.Yes], error) {
	look, err := s.look(key)
	if err != nil {
		return Answer[crdt.Yes]{}, err
	}
	for came := false; ; {
		seen, err := look.next(ctx)
		if err != nil {
			return Answer[crdt.Yes]{}, fmt.Errorf("query: %w", err)
		}
		came = came || seen.Present
		answer, err := answerOf(s, look, seen, threshold(at))
		_, yes := answer.Value()
		notYet := errors.Is(err, ErrGone) && s.fold.Rule.Attribute != "" && !came && seen.Frontier != plan.End
		switch {
		case yes, err != nil && !notYet:
			return answer, err
		case seen.Frontier == plan.End:
			return answer, ErrNever
		case ctx.Err() != nil:
			return answer, context.Cause(ctx)
		}
	}
}

// LowerBound answers with a value that only grows, such as what [crdt.MonotoneOf] makes of a count: it is at least that, or final.
func LowerBound[K operators.Key, L, V any](ctx context.Context, s *State[K, L], key K, read crdt.Monotonic[L, V]) (Answer[V], error) {
	return once(ctx, s, key, lowerBound(read))
}

// Final answers with any value of a state that will not change any more: since the input has ended, or since the state can grow no
// further. It is unknown until then.
func Final[K operators.Key, L, R any](ctx context.Context, s *State[K, L], key K, read crdt.NonMonotone[L, R]) (Answer[R], error) {
	return once(ctx, s, key, final(read))
}

// look begins to look for the state of a key.
func (s *State[K, L]) look(key K) (*look, error) {
	var instant int64
	switch windows := s.fold.Windowing; {
	case s.instant != nil:
		instant = s.instant.UnixNano()
	case windows != plan.Windowing{}:
		return nil, fmt.Errorf("%w: %s has windows: %s", ErrWindow, s.fold.Label(), windows)
	}
	finder, err := kernel.Find(s.fold, key, instant)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	id, err := lookup.ShardOf(s.plan, s.fold, key)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	return &look{
		asking: s.asking, id: id, epoch: s.plan.Epoch(), fold: s.fold, instant: s.instant,
		key: plan.KeyCodecOf[K]().Append(nil, key), stored: lookup.Look{Store: s.store, Shard: id, Node: s.fold.ID, Finder: finder},
	}, nil
}
