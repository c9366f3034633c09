package plan

import "fmt"

// Severity says in what the results of a path can differ between runs over the same inputs, after the labels of Blazes (Alvaro,
// Conway, Hellerstein, Maier, ICDE 2014, §IV). Its Inst and Diverge, where owners differ from each other, cannot be written down:
// what is read before its seal is upward-closed, and each shard has one log.
type Severity uint8

const (
	// Async says that only when results come can differ, and in which order.
	Async Severity = iota
	// Run says that all owners of a run make the same, since an exchange has recorded in which order they saw what; another run may
	// record another order.
	Run
)

func (s Severity) String() string {
	if s == Run {
		return "Run"
	}
	return "Async"
}

// Cause is where a severity comes from. The zero Cause is none.
type Cause struct {
	Node *Node
	// Reason says why, and Repair what would have none of it.
	Reason, Repair string
}

// SeverityOf returns the severity of what leaves a node, the worst of its inputs' and its own, and the first cause.
func (p *Plan) SeverityOf(n *Node) (Severity, Cause) {
	for _, m := range n.lineage() {
		if s, cause := p.own(m); s > Async {
			return s, cause
		}
	}
	return Async, Cause{}
}

// own returns the severity that a node adds. What folds and joins make does not depend on the order of their input, nor what is sealed.
func (p *Plan) own(n *Node) (Severity, Cause) {
	switch n.Kind {
	case KindThreshold:
		if fold := n.In[0]; fold.Windowing.Gap > 0 && p.interleaves(fold) {
			return Run, Cause{
				Node:   n,
				Reason: "which instant of a session makes the threshold true, and how often before its parts have become one, depends on how several shards interleave",
				Repair: "ask the session behind its seal, or ask tumbling windows",
			}
		}
	case KindBounds:
		if p.interleaves(n.In[0]) {
			return Run, Cause{
				Node:   n,
				Reason: "a state may come to a step by any of several records, and which one it is depends on how several shards interleave",
				Repair: "read the state behind its seal, or ask it a question by operators.Threshold; what is merged of the bounds is the same in each run",
			}
		}
	case KindDeduplicate:
		if p.interleaves(n) {
			return Run, Cause{
				Node:   n,
				Reason: "of records with one id that are not equal, which comes first depends on how several shards interleave",
				Repair: "partition the input by the id, so that one shard has all of them, or reduce them by an order of their own",
			}
		}
	default:
	}
	return Async, Cause{}
}

// interleaves reports whether a node sees the records of several shards in the order of an exchange.
func (p *Plan) interleaves(n *Node) bool {
	for _, s := range p.stagesOf[n] {
		if s.Exchanged() && s.Producers() > 1 {
			return true
		}
	}
	return false
}

// path says for people what the results of a Write node are worth, and whether another run would make the same.
func (p *Plan) path(write *Node) string {
	severity, cause := p.SeverityOf(write)
	text := fmt.Sprintf("  %s: %s, label %s: ", write.Name, p.WriteVerdict(write), severity)
	if severity == Async {
		return text + "another run over the same inputs gives the same\n"
	}
	return text + fmt.Sprintf("all owners make the same, but another run over the same inputs may not\n    because at %s (%s) %s\n    instead: %s\n",
		cause.Node.Label(), shortSite(cause.Node.Site), cause.Reason, cause.Repair)
}
