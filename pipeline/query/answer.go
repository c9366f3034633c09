package query

import (
	"encoding/json"
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/pipeline/internal/answer"
)

// Answer is what is known, what that is worth, and of when it is.
type Answer[T any] struct {
	// Answer has the value and the verdict.
	crdt.Answer[T]
	// Window is the window whose state was asked, as an ISO 8601 interval, or "global". It is empty where a session is asked for that is not known.
	Window string
	// Frontier is the event time up to which the shard had seen its input (RFC 3339), "end" after the end of a bounded input, and empty if
	// nothing is known of it.
	Frontier string
	// Position is how much of its log the shard had seen.
	Position Position
	// Origin is who has said so: "checkpoint", or "worker" and its name.
	Origin string
}

// Position is a place in the log of a shard: Incarnation is the creation time of its stream, in nanoseconds since 1970, and Seq the sequence up to
// which everything is in the state.
type Position = answer.Position

// String returns the answer for people, such as "7 (lower-bound) at counts/0:1234".
func (a Answer[T]) String() string {
	return fmt.Sprintf("%s at %s/%d:%d", a.Answer, a.Position.Stage, a.Position.Shard, a.Position.Seq)
}

// MarshalJSON shows the answer as crdt.Answer does, with what else is known beside it.
func (a Answer[T]) MarshalJSON() ([]byte, error) {
	shown := struct {
		Value    *T       `json:"value,omitempty"`
		Verdict  string   `json:"verdict"`
		Basis    string   `json:"basis,omitempty"`
		Window   string   `json:"window,omitempty"`
		Frontier string   `json:"frontier,omitempty"`
		Position Position `json:"position"`
		Origin   string   `json:"origin,omitempty"`
	}{nil, "unknown", a.Basis(), a.Window, a.Frontier, a.Position, a.Origin}
	if value, known := a.Value(); known {
		shown.Value, shown.Verdict = &value, a.Verdict().String()
	}
	return json.Marshal(shown)
}
