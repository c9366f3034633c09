package plan

import "github.com/calmstream/calmstream/crdt"

// WriteVerdict returns the verdict of the results of a Write node: final if all it writes comes from a seal, else stable,
// since whatever reaches a stream is a fact that nothing can retract.
func (p *Plan) WriteVerdict(n *Node) crdt.Verdict {
	if p.final(n) {
		return crdt.Final
	}
	return crdt.Stable
}
