package plan

import (
	"fmt"
	"slices"
	"strings"
)

// Label is what the planner knows about the records on an edge.
type Label struct {
	// Bound says when the edge has seen all of its input: "unbounded", "grows", "sealed".
	Bound string
	// Order says what orders the records: "log" (one log, the same for every owner), "exchange" (a log whose order
	// the data does not decide), or "none needed".
	Order string
	// Seals are the attributes of which producers promise values: Seal_key in the words of Blazes.
	Seals []string
	// Key is the attribute whose values are held by one shard each, "" if none.
	Key string
	// Verdict is what results taken here would be worth.
	Verdict string
}

// String renders the label on one line. Duplicates never reach an operator: each position of a log is applied once.
func (l Label) String() string {
	s := l.Bound + ", order: " + l.Order + ", no duplicates"
	for _, attribute := range l.Seals {
		s += ", Seal_" + attribute
	}
	if l.Key != "" {
		s += ", by " + l.Key
	}
	if l.Verdict != "" {
		s += ", " + l.Verdict
	}
	return s
}

// short is what charts have room for.
func (l Label) short() string {
	if l.Verdict == "" {
		return l.Bound
	}
	return l.Bound + ", " + l.Verdict
}

// LabelOf returns the label of the edges that leave the node.
func (p *Plan) LabelOf(n *Node) Label {
	l := Label{Bound: "unbounded", Order: "log", Verdict: "stable", Seals: p.sealedOn(n)}
	for _, s := range p.stagesOf[n] {
		if s.Exchanged() {
			l.Order = "exchange"
		}
	}
	if len(p.stagesOf[n]) > 1 {
		l.Order = "none (several logs)"
	}
	if p.final(n) {
		l.Verdict = "final"
	}
	switch n.Kind {
	case KindKeyBy, KindWindow:
		l.Key, l.Verdict = n.KeyName, ""
	case KindFold:
		l.Key = n.KeyName
		if !n.Derived {
			l.Bound, l.Order, l.Verdict = "grows", "none needed (merge commutes)", "lower-bound"
			if n.Retracts {
				l.Verdict = "provisional"
			}
		}
	case KindJoin, KindDeduplicate:
		l.Key = n.KeyName
		if n.Sealed {
			l.Bound = "sealed"
		}
	case KindThreshold:
		l.Key = n.In[0].KeyName
	case KindBounds:
		l.Bound, l.Verdict, l.Key = "grows", "lower-bound", n.In[0].KeyName
	case KindSeal:
		l.Bound, l.Key = "sealed", n.KeyName
	default:
	}
	return l
}

// Behind reports whether a seal stands anywhere above the node, or at it: what it yields rests on the log having been whole.
func (p *Plan) Behind(n *Node) bool {
	return n.Kind == KindSeal || n.Outer || n.Sealed || slices.ContainsFunc(n.In, p.Behind)
}

// final reports whether what the node yields is final: by every way it comes from a seal, with nothing in between that grows again.
func (p *Plan) final(n *Node) bool {
	switch {
	case n.Kind == KindSeal || n.Sealed:
		return true
	case n.Kind.stateful() && !n.Derived || n.Kind == KindBounds || len(n.In) == 0:
		return false
	}
	return !slices.ContainsFunc(n.In, func(in *Node) bool { return !p.final(in) })
}

// Point is a point of order: a place where results wait for something.
type Point struct {
	Node *Node
	// Name is that of the state.
	Name string
	// Waits says for what, Reason why nothing less would do, and Repair what would need no wait.
	Waits, Reason, Repair string
}

// PointsOfOrder lists the places where the pipeline waits. Everything else answers at once.
func (p *Plan) PointsOfOrder() []Point {
	var points []Point
	for _, n := range p.Graph.Nodes {
		if n.Rule.Evidence || n.Kind != KindSeal && !n.Outer && !n.Sealed {
			continue // a state that is complete by what it holds waits for nobody
		}
		points = append(points, p.point(n))
	}
	return points
}

// point describes a node that waits.
func (p *Plan) point(n *Node) Point {
	switch {
	case n.Outer && n.Awaits == "":
		return Point{
			Node: n, Name: n.Name, Waits: p.waits(n, "the last instant that can match"),
			Reason: "that a record has no match can change until then; pairs leave at once",
			Repair: "operators.Join yields the pairs alone, and waits for nothing",
		}
	case n.Sealed || n.Outer:
		return Point{Node: n, Name: n.Name, Waits: p.waits(n, n.Awaits), Reason: n.Reason, Repair: n.Repair}
	}
	until := "its window"
	if a := n.Rule.Attribute; a != "" {
		until = "the " + a + " of its key"
	}
	return Point{
		Node: n, Name: n.In[0].Name, Waits: p.waits(n, "the end of the window"),
		Reason: fmt.Sprintf("the exact value of %s is read below, and it can change until %s is complete", n.In[0].Name, until) + compatibility(n),
		Repair: fmt.Sprintf("operators.Threshold answers a question about %s whose yes is final, and waits for nothing", n.In[0].Name),
	}
}

// waits says for what a node waits before an instant is over.
func (p *Plan) waits(n *Node, instant string) string {
	stage := p.stagesOf[n][0]
	registry := "the shard"
	if stage.Exchanged() {
		registry = fmt.Sprintf("all %d shards of %s", stage.Producers(), names(stage.From))
	}
	switch {
	case n.Rule.Attribute != "":
		return fmt.Sprintf("%s to hold the promises of all producers (%s) for the %s of a key, and what they cover", registry, producers(n), n.Rule.Attribute)
	case n.Rule.OnlyAtEnd:
		return "the end marker of " + registry
	case n.Rule.Cut:
		return registry + " to come to the recorded cut"
	case n.Rule.Punctuation:
		return fmt.Sprintf("%s to hold the promises of all producers (%s) for %s, and what they cover", registry, producers(n), instant)
	}
	return fmt.Sprintf("%s to pass %s by %s", registry, instant, n.Rule.Lateness)
}

// names lists stages for people.
func names(stages []*Stage) string { return strings.Join(stageNames(stages), ", ") }

// producers lists the registered producers above a node for people.
func producers(n *Node) string {
	var all []string
	for _, read := range n.reads() {
		for _, name := range read.Source.Producers {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return strings.Join(all, ", ")
}
