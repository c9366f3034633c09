package crdt

import (
	"errors"
	"fmt"
	"strings"
)

// ErrCompatible is returned by [NewChoice] for two alternatives that can hold of the same state.
var ErrCompatible = errors.New("crdt: two alternatives of a choice can hold together")

// Alternative is one answer of a [Choice] with the thresholds that give it. Make one by [When].
type Alternative[L, T any] struct {
	answer T
	at     []L
}

// When is the alternative that gives answer as soon as a state is at or above one of the thresholds. Without a threshold it
// never does. The thresholds are only read, until NewChoice returns.
func When[L, T any](answer T, at ...L) Alternative[L, T] {
	return Alternative[L, T]{answer: answer, at: at}
}

// Choice is a question with several answers of which at most one can ever be right: the threshold read of LVars (Kuper and
// Newton, 2013; Flo, figure 18). It answers once the state has reached a threshold of one alternative, and then that answer is
// stable. Whichever copy is asked, at whatever moment, the answer is the same one or unknown.
//
// That holds since a threshold of one alternative and one of another have no common upper bound but a conflict (see
// [Conflicter]), which NewChoice checks. The zero Choice never answers.
type Choice[L, T any] struct {
	alternatives []Alternative[L, T]
	reached      func(threshold, state *L) bool
}

// NewChoice returns the choice between the alternatives. It refuses, with an error that wraps [ErrCompatible] and
// names the two, alternatives with thresholds that merge without a conflict: a state above both would have to give
// both answers. A lattice without conflicts therefore allows one alternative only. A threshold that is itself a
// conflict is refused with an error that wraps [ErrConflict]. The cost is quadratic in the number of thresholds.
func NewChoice[L, T any, P Lattice[L]](alternatives ...Alternative[L, T]) (Choice[L, T], error) {
	c := Choice[L, T]{reached: reached[L, P]}
	for i, a := range alternatives {
		own := Alternative[L, T]{answer: a.answer}
		for n := range a.at {
			if conflicting(&a.at[n]) {
				return Choice[L, T]{}, fmt.Errorf("%w: threshold %d of alternative %d (%s)", ErrConflict, n+1, i+1, forPeople(a.answer))
			}
			own.at = append(own.at, Clone[L, P](&a.at[n]))
		}
		for j, b := range c.alternatives {
			if m, n, can := compatible[L, P](b.at, own.at); can {
				return Choice[L, T]{}, fmt.Errorf("%w: %d (%s) and %d (%s): threshold %d of the one and threshold %d of the other merge without a conflict",
					ErrCompatible, j+1, forPeople(b.answer), i+1, forPeople(a.answer), m+1, n+1)
			}
		}
		c.alternatives = append(c.alternatives, own)
	}
	return c, nil
}

// compatible finds a threshold of a and one of b that have a common upper bound.
func compatible[L any, P Lattice[L]](a, b []L) (m, n int, can bool) {
	for m := range a {
		for n := range b {
			both := Clone[L, P](&a[m])
			P(&both).Merge(&b[n])
			if !conflicting(&both) {
				return m, n, true
			}
		}
	}
	return 0, 0, false
}

// Ask returns the answer of the alternative that the state has reached: stable, and final if the state is settled. It is
// unknown while there is none. The error wraps [ErrConflict] if a broken rule has put the state above anything.
//
// The cost is that of comparing each threshold with the state, and, once one is reached, of the state's Conflict. Comparing
// costs as much as the threshold where the lattice is Decomposable, else as much as the state.
func (c Choice[L, T]) Ask(state *L) (Answer[T], error) {
	for _, a := range c.alternatives {
		for n := range a.at {
			if !c.reached(&a.at[n], state) {
				continue
			}
			if conflicting(state) {
				return Answer[T]{}, ErrConflict
			}
			return answer(a.answer, Stable, state), nil
		}
	}
	return Answer[T]{}, nil
}

// String returns the name of the question for plans, such as "one of (yes, no)".
func (c Choice[L, T]) String() string {
	names := make([]string, len(c.alternatives))
	for i, a := range c.alternatives {
		names[i] = forPeople(a.answer)
	}
	return "one of (" + strings.Join(names, ", ") + ")"
}

// reached reports whether threshold is at or below state, without a copy of the state where it can.
func reached[L any, P Lattice[L]](threshold, state *L) bool {
	parts, ok := any(threshold).(Decomposable[L])
	if !ok {
		return Below[L, P](threshold, state)
	}
	var bottom L
	missing := parts.Delta(state)
	return !P(&bottom).Merge(&missing)
}
