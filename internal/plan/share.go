package plan

import "slices"

// Finding is what is known of the state of one key in one window.
type Finding struct {
	// Known is false if nothing is said: what was said before holds.
	Known bool
	// Present says that there is a state. Window is then its window, and Value its encoding, which belongs to the caller.
	Present bool
	Window  Span
	Value   []byte
}

// Answering is a Stateful that can be asked for the state of one key. It is asked between batches, and nothing changes by it.
type Answering interface {
	// Find returns the state of the key with the given canonical encoding, in the last window that holds the instant; of sessions in the one that
	// does. What it says is always known.
	Find(key []byte, instant int64) (Finding, error)
}

// Sharing is a state that may be asked from outside, for those who do not know the types of its keys and values.
type Sharing struct {
	// Node keeps the state.
	Node *Node
	// Key returns the canonical encoding of a key that is given as text.
	Key func(text string) ([]byte, error)
	// Home returns the stage and the shard that have the state of the key with the given encoding.
	Home func(p *Plan, key []byte) (stage *Stage, shard int, err error)
	// Check returns an error if a set is not known by its name.
	Check func(set string) error
	// Read returns what a state says, which is bottom if it is not present. set may be "".
	Read func(state Finding, set string) (Reading, error)
}

// Reading is what a state says.
type Reading struct {
	// Holds says that it is in the set that was asked for.
	Holds bool
	// Settled says that it can grow no further.
	Settled bool
	// Value is the state in JSON.
	Value []byte
}

// Share notes that a state may be asked from outside. That is no part of what the program computes, nor of its fingerprint.
func (g *Graph) Share(s *Sharing) {
	for _, other := range g.shared {
		if other.Node == s.Node {
			return
		}
	}
	g.shared = append(g.shared, s)
}

// Shared returns the states that may be asked from outside, in the order of the program.
func (g *Graph) Shared() []*Sharing { return g.shared }

// Gone reports whether the state of a key, in the window that holds the instant, may have been there before, given that it is not there once the
// input is complete up to frontier. began says that anything of the log was applied.
func (n *Node) Gone(instant, frontier int64, began bool) bool {
	if !n.sealed() {
		return false
	}
	if n.Rule.Attribute != "" && began {
		return true
	}
	end := n.Windowing.Assign(instant).End
	if n.Windowing.Gap > 0 {
		end = instant + 1 // a session that held it has ended behind it
	}
	return n.Rule.Closed(frontier, end)
}

// sealed reports whether a seal stands below the node.
func (n *Node) sealed() bool {
	return slices.ContainsFunc(n.Out, func(below *Node) bool { return below.Kind == KindSeal })
}
