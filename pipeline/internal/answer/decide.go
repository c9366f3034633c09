package answer

import (
	"encoding/json"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// Question is a question about one key, with its types erased.
type Question struct {
	Kind Kind
	// Set is the name of the set of a threshold.
	Set string
	// Instant says which window is meant.
	Instant int64
}

// Decide answers a question from what is seen, or says why there is no answer.
//
// A state that grows answers what stays true: that it has reached a set, or what it is at least. Everything else has to wait until it cannot
// change any more: until the input of the shard has ended, behind an exchange that of all its senders, or the state is settled by itself.
func Decide(s *plan.Sharing, q Question, id checkpoint.ShardID, seen shard.Seen) (Reply, error) {
	if err := lost(s, q, seen); err != nil {
		return Reply{}, err
	}
	set := q.Set
	if q.Kind != Threshold && q.Kind != Await {
		set = ""
	}
	state, err := s.Read(seen.Finding, set)
	if err != nil {
		return Reply{}, refuse(codeFailed, "the state of %s cannot be read: %v", s.Node.Label(), err)
	}
	r := Reply{
		Window: windowOf(s.Node, q.Instant, seen), Frontier: plan.FrontierText(seen.Frontier),
		Position: Position{id.Stage, id.Shard, seen.Position.Incarnation, seen.Position.Seq},
	}
	final := state.Settled || seen.Frontier == plan.End
	known := crdt.LowerBound
	if s.Node.Retracts {
		known = crdt.Provisional // as a state for people: it is not the value that grows
	}
	switch q.Kind {
	case Threshold, Await:
		known, r.Value = crdt.Stable, json.RawMessage("true")
		if !state.Holds {
			r.Value = json.RawMessage("false")
		}
		if !state.Holds && !final {
			r.unknown("it has not come there yet, as far as is known")
			return r, nil
		}
	case LowerBound:
		r.Value = state.Value
	case Final:
		if !final {
			r.unknown("it may change yet")
			return r, nil
		}
		r.Value = state.Value
	}
	r.Verdict = known.String()
	if final {
		r.Verdict, r.Basis = crdt.Final.String(), "the input has ended"
		if state.Settled {
			r.Basis = "settled"
		}
	}
	return r, nil
}

func (r *Reply) unknown(basis string) { r.Verdict, r.Value, r.Basis = Unknown, nil, basis }

// lost returns an error if the state that is asked for was handed on.
func lost(s *plan.Sharing, q Question, seen shard.Seen) error {
	if seen.Present || !s.Node.Gone(q.Instant, seen.Frontier, !seen.Fresh) {
		return nil
	}
	return refuse(codeGone, "the state of %s is not there any more; what was sealed is where the pipeline writes its results", s.Node.Label())
}

func windowOf(n *plan.Node, instant int64, seen shard.Seen) string {
	switch {
	case seen.Present:
		return seen.Window.String()
	case n.Windowing.Gap == 0:
		return n.Windowing.Assign(instant).String()
	}
	return ""
}

// Check says whether a question can be asked about a state at all.
func Check(s *plan.Sharing, kind Kind, set string, windowed bool) error {
	switch kind {
	case Threshold, Await:
		if set == "" {
			return refuse(codeMalformed, `a threshold is missing, such as "count >= 2"`)
		}
		if err := s.Check(set); err != nil {
			return refuse(codeMalformed, "%v", err)
		}
	case LowerBound, Final:
		if set != "" {
			return refuse(codeMalformed, "%s has no threshold", kind)
		}
	default:
		return refuse(codeMalformed, "%q is no question; there is %s, %s, %s and %s", string(kind), Threshold, Await, LowerBound, Final)
	}
	return checkWindow(s.Node, windowed)
}

func checkWindow(n *plan.Node, windowed bool) error {
	switch {
	case n.Windowing.Cut:
		return refuse(codeMalformed, "%s has windows of recorded cuts, which cannot be asked for by time", n.Label())
	case !windowed && n.Windowing != plan.Windowing{}:
		return refuse(codeMalformed, "%s has windows; say by an instant which one: %s", n.Label(), n.Windowing)
	}
	return nil
}
