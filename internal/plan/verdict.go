package plan

import "github.com/calmstream/calmstream/crdt"

// WritesBounds reports whether what a Write node writes are lower bounds.
func (p *Plan) WritesBounds(n *Node) bool { return len(n.In) > 0 && n.In[0].Kind == KindBounds }

// WriteVerdict returns the verdict of the results of a Write node: final if all it writes comes from a seal, a lower bound
// if it writes those, else stable, since whatever reaches a stream is a fact that nothing can retract.
func (p *Plan) WriteVerdict(n *Node) crdt.Verdict {
	switch {
	case p.WritesBounds(n):
		return crdt.LowerBound
	case p.final(n):
		return crdt.Final
	}
	return crdt.Stable
}
