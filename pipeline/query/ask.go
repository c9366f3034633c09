package query

import (
	"context"
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
)

// question is what is asked of a state that may grow, and of one that will not.
type question[L, T any] struct {
	growing func(state *L) crdt.Answer[T]
	sealed  func(state *L, seal crdt.Sealed[L]) crdt.Answer[T]
}

func threshold[L any](at crdt.UpSet[L]) question[L, crdt.Yes] {
	yes := crdt.ExactRead(at.String(), func(*L) crdt.Yes { return crdt.Yes{} })
	return question[L, crdt.Yes]{at.Ask, func(state *L, seal crdt.Sealed[L]) (unknown crdt.Answer[crdt.Yes]) {
		if !at.Holds(state) {
			return unknown
		}
		return yes.Ask(seal)
	}}
}

func lowerBound[L, V any](read crdt.Monotonic[L, V]) question[L, V] {
	return question[L, V]{crdt.MonotoneOf(read).Ask, func(_ *L, seal crdt.Sealed[L]) crdt.Answer[V] { return crdt.Exact(read).Ask(seal) }}
}

func final[L, R any](read crdt.NonMonotone[L, R]) question[L, R] {
	return question[L, R]{
		func(*L) (unknown crdt.Answer[R]) { return unknown },
		func(_ *L, seal crdt.Sealed[L]) crdt.Answer[R] { return read.Ask(seal) },
	}
}

func once[K operators.Key, L, T any](ctx context.Context, s *State[K, L], key K, q question[L, T]) (Answer[T], error) {
	look, err := s.look(key)
	if err != nil {
		return Answer[T]{}, err
	}
	seen, err := look.now(ctx)
	if err != nil {
		return Answer[T]{}, fmt.Errorf("query: %w", err)
	}
	return answerOf(s, look, seen, q)
}

// answerOf asks what was seen.
func answerOf[K operators.Key, L, T any](s *State[K, L], look *look, seen seen, q question[L, T]) (Answer[T], error) {
	a := Answer[T]{
		Frontier: plan.FrontierText(seen.Frontier),
		Position: Position{Stage: look.id.Stage, Shard: look.id.Shard, Incarnation: seen.Position.Incarnation, Seq: seen.Position.Seq},
		Origin:   seen.origin,
	}
	var state L
	switch {
	case seen.Present:
		a.Window = seen.Window.String()
		var err error
		if state, err = s.values.Decode(seen.Value); err != nil {
			return a, fmt.Errorf("query: the state of %s at %d cannot be read: %w", s.fold.Label(), seen.Position.Seq, err)
		}
	case !seen.Present && s.fold.Gone(look.at(), seen.Frontier, seen.began):
		return a, fmt.Errorf("%w (%s)", ErrGone, s.fold.Label())
	case s.fold.Windowing.Gap == 0:
		a.Window = look.stored.Finder.Window().String()
	}
	if seal, ok := s.sealed(&state, seen); ok {
		a.Answer = q.sealed(&state, seal)
	} else {
		a.Answer = q.growing(&state)
	}
	return a, nil
}

// sealed returns a state that will not change any more, and why.
func (s *State[K, L]) sealed(state *L, seen seen) (crdt.Sealed[L], bool) {
	if seen.Frontier == plan.End {
		return s.values.Seal("the input has ended", state), true
	}
	return s.values.Settled(state)
}
