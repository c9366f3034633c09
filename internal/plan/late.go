package plan

import "fmt"

// late checks that records can be late for the state that a Late node names.
func late(n *Node) error {
	switch of := n.Late; {
	case of == nil || !of.Kind.stateful(): // a mistake that is recorded
		return nil
	case of.Rule.Set && !of.Rule.Evidence && !of.Derived:
		return nil
	case of.Kind == KindFold && !of.Derived:
		return fmt.Errorf("%s: %s: no record is late for %s (%s) by its window: seal it with operators.Seal, by a rule about time", n.Site, n.Label(), of.Label(), of.Site)
	default:
		return fmt.Errorf("%s: %s: no record is late for %s (%s), which does not go by time", n.Site, n.Label(), of.Label(), of.Site)
	}
}
