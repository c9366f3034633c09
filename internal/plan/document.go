package plan

import (
	"fmt"
	"reflect"
)

// Document is a plan as data: what Explain shows, for programs. Its JSON form is stable: fields are added, not changed.
type Document struct {
	Pipeline    string `json:"pipeline"`
	Version     string `json:"version,omitempty"`
	Fingerprint string `json:"fingerprint"`
	// Stages are in the order of the program.
	Stages []StageDocument `json:"stages"`
	// Operators are in the order of the program, with their numbers as index.
	Operators []OperatorDocument `json:"operators"`
	// PointsOfOrder are the places where results wait. Everything else answers at once.
	PointsOfOrder []PointDocument `json:"pointsOfOrder"`
}

// StageDocument is the operators between two exchanges.
type StageDocument struct {
	Name   string `json:"name"`
	Shards int    `json:"shards"`
	// Stream and Subjects are what the stage reads, if it reads an input.
	Stream   string   `json:"stream,omitempty"`
	Subjects []string `json:"subjects,omitempty"`
	// From names the stages on the other side of the exchange, and Key what it partitions by.
	From []string `json:"from,omitempty"`
	Key  string   `json:"key,omitempty"`
}

// OperatorDocument is one operator.
type OperatorDocument struct {
	Number   int      `json:"number"`
	Operator string   `json:"operator"`
	Name     string   `json:"name,omitempty"`
	Detail   string   `json:"detail,omitempty"`
	Site     string   `json:"site"`
	Stages   []string `json:"stages"`
	Inputs   []int    `json:"inputs,omitempty"`
	// Yields is what is known of the records that leave it; empty for a Write.
	Yields string `json:"yields,omitempty"`
	// Target and Verdict are set for a Write.
	Target  string `json:"target,omitempty"`
	Verdict string `json:"verdict,omitempty"`
	// Label is set for a Write: "Async" if another run over the same inputs gives the same results, "Run" if only all owners of one
	// run do, for the Reason.
	Label  string `json:"label,omitempty"`
	Reason string `json:"reason,omitempty"`
	// State is set for an operator that keeps state.
	State *StateDocument `json:"state,omitempty"`
}

// StateDocument is what makes the state of an operator readable for another version of the pipeline.
type StateDocument struct {
	// Type is the lattice, or the kind of state.
	Type string `json:"type"`
	// Key is the attribute, and KeyType how its values are encoded.
	Key     string `json:"key"`
	KeyType string `json:"keyType"`
	Windows string `json:"windows"`
	// Codec is that of records that are kept as they came.
	Codec string `json:"codec,omitempty"`
	// Shape is for those who ask the state by its name.
	Shape *Shape `json:"shape,omitempty"`
}

// PointDocument is a point of order.
type PointDocument struct {
	Number   int    `json:"number"`
	Operator string `json:"operator"`
	Name     string `json:"name"`
	Site     string `json:"site"`
	Waits    string `json:"waits"`
	Reason   string `json:"reason"`
	Repair   string `json:"repair"`
}

// Document returns the plan as data.
func (p *Plan) Document() Document {
	d := Document{
		Pipeline: p.Graph.Name, Version: p.Graph.Version, Fingerprint: p.Fingerprint,
		PointsOfOrder: []PointDocument{}, // none is [] and not null
	}
	for _, s := range p.Stages {
		stage := StageDocument{Name: s.Name, Shards: s.Shards}
		if s.Exchanged() {
			stage.Key, stage.From = s.Root.KeyName, stageNames(s.From)
		} else {
			stage.Stream, stage.Subjects = s.Root.Source.Stream, s.Root.Source.Filters
		}
		d.Stages = append(d.Stages, stage)
	}
	for _, n := range p.Graph.Nodes {
		d.Operators = append(d.Operators, p.operator(n))
	}
	for _, pt := range p.PointsOfOrder() {
		d.PointsOfOrder = append(d.PointsOfOrder, PointDocument{
			Number: pt.Node.ID, Operator: pt.Node.Op, Name: pt.Name, Site: shortSite(pt.Node.Site),
			Waits: pt.Waits, Reason: pt.Reason, Repair: pt.Repair,
		})
	}
	return d
}

func (p *Plan) operator(n *Node) OperatorDocument {
	o := OperatorDocument{
		Number: n.ID, Operator: n.Op, Name: n.Name, Detail: n.Detail, Site: shortSite(n.Site),
		Stages: stageNames(p.stagesOf[n]), Target: n.Target,
	}
	for _, in := range n.In {
		o.Inputs = append(o.Inputs, in.ID)
	}
	if n.Kind == KindWrite {
		o.Verdict = p.WriteVerdict(n).String()
		severity, cause := p.SeverityOf(n)
		o.Label, o.Reason = severity.String(), cause.Reason
	} else {
		o.Yields = p.LabelOf(n).String()
	}
	if n.Kind.stateful() {
		o.State = stateOf(n)
		o.State.Shape = p.shapeOf(n)
	}
	return o
}

func stateOf(n *Node) *StateDocument {
	s := &StateDocument{Type: n.State, Key: n.KeyName, KeyType: keyType(n), Windows: n.Windowing.String(), Codec: n.CodecName}
	if n.Kind == KindJoin {
		s.Type, s.Windows = n.Op, n.Detail
	}
	return s
}

// keyType says how the keys of a stateful node are encoded.
func keyType(n *Node) string {
	if typed := n.In[0].Typed; typed != nil {
		return keyClass(reflect.TypeOf(typed).Out(0))
	}
	return "window" // of what is ranked by window
}

func stageNames(stages []*Stage) []string {
	var all []string
	for _, s := range stages {
		all = append(all, s.Name)
	}
	return all
}

// Fate is what becomes of a state when one version of a pipeline replaces another.
type Fate string

// The fates.
const (
	// Shared: both versions have the same fingerprint, and so the same state.
	Shared Fate = "shared"
	// Kept: the new version can take the state over, at a recorded cut.
	Kept Fate = "kept"
	// Refused: the new version has a state of that name which cannot read the old one.
	Refused Fate = "refused"
	// Dropped: the new version has no state of that name.
	Dropped Fate = "dropped"
	// New: the state begins empty.
	New Fate = "new"
)

// Change is the fate of one named state.
type Change struct {
	State string `json:"state"`
	Fate  Fate   `json:"fate"`
	// Reason says why, and what to do about a refusal.
	Reason string `json:"reason,omitempty"`
}

// Compare says what becomes of each state when next replaces d: first the states of d, then the new ones, in the order of
// the programs.
func (d Document) Compare(next Document) []Change {
	before, after := states(d), states(next)
	var out []Change
	for _, o := range d.Operators {
		if o.State == nil {
			continue
		}
		n, ok := after[o.Name]
		switch {
		case d.Fingerprint == next.Fingerprint:
			out = append(out, Change{State: o.Name, Fate: Shared})
		case !ok:
			out = append(out, Change{State: o.Name, Fate: Dropped, Reason: "no operator of the new version has this name"})
		default:
			out = append(out, compareStates(o, n))
		}
	}
	for _, n := range next.Operators {
		if _, ok := before[n.Name]; n.State != nil && !ok {
			out = append(out, Change{State: n.Name, Fate: New})
		}
	}
	return out
}

func states(d Document) map[string]OperatorDocument {
	all := make(map[string]OperatorDocument)
	for _, o := range d.Operators {
		if o.State != nil {
			all[o.Name] = o
		}
	}
	return all
}

func compareStates(o, n OperatorDocument) Change {
	for _, c := range []struct{ what, before, after string }{
		{"operator", o.Operator, n.Operator},
		{"type", o.State.Type, n.State.Type},
		{"key", o.State.Key, n.State.Key},
		{"type of the key", o.State.KeyType, n.State.KeyType},
		{"windows", o.State.Windows, n.State.Windows},
		{"codec", o.State.Codec, n.State.Codec},
	} {
		if c.before != c.after {
			return Change{State: o.Name, Fate: Refused, Reason: fmt.Sprintf("its %s was %q and is %q; give the new state a name of its own, which begins empty", c.what, c.before, c.after)}
		}
	}
	return Change{State: o.Name, Fate: Kept}
}
