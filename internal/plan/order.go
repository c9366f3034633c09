package plan

import "slices"

// meets reports whether the order in which records come, at an operator of the stage or at the one behind an exchange from it, is that of
// batches and shows there.
func (s *Stage) meets() bool {
	for _, n := range s.Nodes {
		if s.ways(n) > 1 && s.shows(n) || n.Outer && s.showsBelow(n) {
			return true
		}
	}
	// What is sent is numbered in one order, whichever way it comes.
	return slices.ContainsFunc(s.To, func(to *Stage) bool { return s.ways(to.Root) > 1 })
}

// ways is how many inputs of a node come from within the stage.
func (s *Stage) ways(n *Node) (ways int) {
	for _, in := range n.In {
		if slices.Contains(s.Nodes, in) {
			ways++
		}
	}
	return ways
}

// shows reports whether it makes a difference in which order records come to a node, other than in the order of results, which
// nothing promises. Their identities and contents do not depend on it.
func (s *Stage) shows(n *Node) bool {
	switch {
	case !slices.Contains(s.Nodes, n):
		return true // they are numbered on the way to the other stage
	case n.Kind == KindFold:
		// A state is the same after all records of a batch, if no function of the user's can fail half way. A threshold sees what it
		// was in between; a seal does not, and hands on in an order of its own. One by values of an attribute comes between
		// messages, and so behind all that those before it made.
		return !n.Plain || slices.ContainsFunc(n.Out, func(out *Node) bool { return out.Kind != KindSeal || out.Rule.Evidence })
	case n.Kind.stateful():
		return true // which records meet, and which is the first, depends on what has been forgotten and what has come
	}
	return s.showsBelow(n)
}

// showsBelow reports whether it makes a difference in which order records leave a node.
func (s *Stage) showsBelow(n *Node) bool { return slices.ContainsFunc(n.Out, s.shows) }
