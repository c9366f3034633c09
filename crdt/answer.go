package crdt

import (
	"encoding/json"
	"fmt"
)

// Answer is what a query says about a state: a value with a [Verdict] on how final it is, or unknown.
//
// Unknown is not no. It says that this copy of the state does not suffice to answer yet; do not branch on it. The zero
// Answer is unknown. Only queries make other ones: the value of an answer does not come without its verdict.
type Answer[T any] struct {
	value   T
	known   bool
	verdict Verdict
	basis   string
}

// Value returns the answer; known is false, and v the zero value, while it is unknown.
func (a Answer[T]) Value() (v T, known bool) { return a.value, a.known }

// Verdict says what the answer is worth. An unknown answer promises nothing: it is Provisional.
func (a Answer[T]) Verdict() Verdict { return a.verdict }

// Basis says in words what the verdict rests on besides the class of the query: the seal, the claim of a caller, the
// reason for a stale read. It is empty where the query alone is enough.
func (a Answer[T]) Basis() string { return a.basis }

// String returns the answer for people, such as "true (stable)", "[potato] (final: sealed when size >= 3)" or "unknown".
func (a Answer[T]) String() string {
	switch {
	case !a.known:
		return "unknown"
	case a.basis == "":
		return fmt.Sprintf("%s (%s)", forPeople(a.value), a.verdict)
	default:
		return fmt.Sprintf("%s (%s: %s)", forPeople(a.value), a.verdict, a.basis)
	}
}

// MarshalJSON shows the answer with its verdict, such as {"value":true,"verdict":"stable"} or {"verdict":"unknown"}.
func (a Answer[T]) MarshalJSON() ([]byte, error) {
	if !a.known {
		return []byte(`{"verdict":"unknown"}`), nil
	}
	return json.Marshal(struct {
		Value   T      `json:"value"`
		Verdict string `json:"verdict"`
		Basis   string `json:"basis,omitempty"`
	}{a.value, a.verdict.String(), a.basis})
}

// forPeople shows a value by its own String method, or as JSON if it is a lattice, whose fields say nothing.
func forPeople[T any](v T) string {
	switch x := any(v).(type) {
	case fmt.Stringer:
		return x.String()
	case json.Marshaler:
		if text, err := x.MarshalJSON(); err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(v)
}

// Yes is the value of the answer of a threshold. There is no No: a threshold answers true or unknown, never false.
type Yes struct{}

// String returns "true".
func (Yes) String() string { return "true" }

// MarshalJSON returns true.
func (Yes) MarshalJSON() ([]byte, error) { return []byte("true"), nil }

// Ask answers whether state is in the set: true or unknown. True is stable, and final if the state is settled (see
// [Settler]). What only a sealed state can say, that it is not in the set, is asked by [UpSet.Decide].
func (u UpSet[L]) Ask(state *L) Answer[Yes] {
	if !u.Holds(state) {
		return Answer[Yes]{}
	}
	return answer(Yes{}, Stable, state)
}

// answer is a known one of a query whose answers are worth v on any state, and more if no future can change the state.
func answer[T, L any](value T, v Verdict, state *L) Answer[T] {
	if settled(state) {
		return Answer[T]{value: value, known: true, verdict: Final, basis: basisSettled}
	}
	return Answer[T]{value: value, known: true, verdict: v}
}

const basisSettled = "settled"

func settled[L any](state *L) bool {
	s, ok := any(state).(Settler)
	return ok && s.Settled() && !conflicting(state)
}
