package plan

import "github.com/calmstream/calmstream/crdt"

// WritesBounds reports whether what a Write node writes are lower bounds.
func (p *Plan) WritesBounds(n *Node) bool { return len(n.In) > 0 && n.In[0].Kind == KindBounds }

// CountedBy returns the state whose counts a Write node publishes as lower bounds; nil if it publishes none that are counted under the
// names of shards.
func (p *Plan) CountedBy(n *Node) *Node {
	if !p.WritesBounds(n) || !n.In[0].In[0].Counts {
		return nil
	}
	return n.In[0].In[0]
}

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
