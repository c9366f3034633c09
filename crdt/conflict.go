package crdt

import "errors"

// ErrConflict is returned for a state in which a rule of its use was broken, such as a single assignment made twice with
// different values. No answer of a choice is right there; find out who broke the rule.
var ErrConflict = errors.New("crdt: the state is in conflict")

// Conflicter is implemented by a pointer to a lattice some of whose values contradict each other, so that their merge stands for
// a broken rule and not for knowledge.
type Conflicter interface {
	// Conflict reports that the value stands for a broken rule. Once true it stays true. The bottom is no conflict.
	Conflict() bool
}

// InConflict holds once a state stands for a broken rule. It is for alarms: what is computed from such a state is not right.
func InConflict[L any, P interface {
	*L
	Conflicter
}]() UpSet[L] {
	return UpSet[L]{name: "is in conflict", holds: func(state *L) bool { return P(state).Conflict() }}
}

func conflicting[L any](state *L) bool {
	c, ok := any(state).(Conflicter)
	return ok && c.Conflict()
}

// Conflict reports that the value of a key is a conflict (see [Conflicter]). O(n) if the values can be, else O(1).
func (m *Map[K, V, P]) Conflict() bool {
	if _, can := any(new(V)).(Conflicter); !can {
		return false
	}
	for e := range m.entries.all {
		if conflicting(&e.v) {
			return true
		}
	}
	return false
}
