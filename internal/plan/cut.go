package plan

import (
	"errors"
	"fmt"
	"slices"
)

// atCuts reports whether a node answers for instants that are recorded cuts: a lookup, or what is like it. It is sealed by them, or, if
// an input has them, by the end.
func (n *Node) atCuts(reads []*Node) bool {
	if n.Kind != KindJoin || n.Windowing != Instants {
		return false
	}
	return n.Rule.Cut || n.Rule.OnlyAtEnd && slices.ContainsFunc(reads, func(read *Node) bool { return read.Source.Cuts })
}

// cuts checks that windows by recorded cuts stand over inputs that have them, and nothing else that is about time does.
func cuts(n *Node) error {
	var errs []error
	reads := n.reads()
	at := n.atCuts(reads)
	for _, read := range reads {
		switch w := n.Windowing; {
		case (w.Cut || at) && !read.Source.Cuts:
			errs = append(errs, fmt.Errorf("%s: %s goes by recorded cuts, but %s (%s) has none; set Cuts in its Source", n.Site, n.Label(), read.Label(), read.Site))
		case !w.Cut && !at && read.Source.Cuts && w != Windowing{}:
			errs = append(errs, fmt.Errorf("%s: %s is about event time, but the time of %s (%s) is the number of a recorded cut; use operators.Cuts, operators.UpToCut or a lookup sealed by operators.RecordedCut, or an input without Cuts", n.Site, n.Label(), read.Label(), read.Site))
		}
	}
	if n.Rule.Cut && !n.Windowing.Cut && !at {
		errs = append(errs, fmt.Errorf("%s: seal of %s by recorded cuts: it has other windows (%s); put operators.Cuts or operators.UpToCut before %s", n.Site, n.Name, n.Windowing, n.Op))
	}
	if r := n.Rule; n.Windowing.Cut && r.Set && !r.Cut && !r.OnlyAtEnd && !r.Evidence {
		errs = append(errs, fmt.Errorf("%s: seal of %s by %s: its windows lie between recorded cuts, whose numbers are no times; use operators.RecordedCut or operators.EndOfInput", n.Site, n.Name, r))
	}
	if n.Windowing.Total {
		for _, below := range n.Out {
			if below.Kind == KindThreshold || below.Kind == KindBounds || below.Rule.Evidence {
				errs = append(errs, fmt.Errorf("%s: %s of %s: between cuts it knows only what came since the last one; ask a state without windows", below.Site, below.Op, n.Name))
			}
		}
	}
	return errors.Join(errs...)
}
