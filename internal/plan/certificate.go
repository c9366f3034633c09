package plan

// Certified reports whether windows of the pipeline are sealed one by one, each with a certificate. Sessions, which are
// sealed key by key, have none, nor has what is sealed by the evidence in its state: their results say it all.
func (p *Plan) Certified() bool {
	for _, n := range p.Graph.Nodes {
		if n.Kind == KindFold && n.Rule.Set && !n.Rule.Evidence && !n.Derived && n.Windowing.Gap == 0 {
			return true
		}
	}
	return false
}

// Certificate says of a window of a state, in one shard, that it has been sealed.
type Certificate struct {
	// Node is the operator that keeps the state.
	Node *Node
	// Window is the window.
	Window Span
	// Value is, of a state that is sealed by values of an attribute, the value: all of its keys are sealed. Valued tells the empty
	// value from none.
	Value  string
	Valued bool
	// Keys is how many keys it holds, and Digest that of all of them with their states: xxhash64 of what a checkpoint would
	// keep, in the order of the keys.
	Keys   int
	Digest uint64
	// Seq is the place in the shard's log up to which the state was fed.
	Seq uint64
}
