package pipelinetest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
)

// Account says how many records the results of a Write are made of, so that Check can hold what came in against what came out: each
// record must be in exactly one result, or a late record, or a dead letter. That also holds where records are late, and where
// nothing is known of what the results should be.
//
// It is for a Write that each record can reach once: not behind operators.Filter, operators.FlatMap, a Branch or a Tap that leaves records
// out, nor behind hopping windows or operators.Union. A state that does not count can be put beside one that does, with crdt.Pair.
type Account struct {
	// Write is the name of the Write.
	Write string
	// Reads are the names of the Reads whose records the results are made of; if there are none, all above the Write. A lookup yields
	// each record of its stream, and none of its table.
	Reads []string
	// Records returns how many records a result is made of, for example the count that it shows.
	Records func(Result) (uint64, error)
}

// balance holds what was read above each account against what was counted and rejected.
func (w *world) balance(accounts []Account) error {
	var errs []error
	for _, a := range accounts {
		errs = append(errs, w.balanced(a))
	}
	return errors.Join(errs...)
}

func (w *world) balanced(a Account) error {
	var write *plan.Node
	for _, n := range w.plan.Writes {
		if n.Name == a.Write {
			write = n
		}
	}
	if write == nil {
		return fmt.Errorf("pipelinetest: there is an account of %s, but the pipeline has no Write of that name", a.Write)
	}
	above := make(map[int]bool)
	ancestors(write, above)
	var read, counted, late, dead uint64
	of := func(name string) bool { return len(a.Reads) == 0 || slices.Contains(a.Reads, name) }
	for id, n := range w.read {
		if above[id] && of(w.plan.Graph.Nodes[id].Name) {
			read += uint64(n)
		}
	}
	for _, r := range w.results {
		if r.Write != a.Write {
			continue
		}
		n, err := a.Records(r)
		if err != nil {
			return fmt.Errorf("pipelinetest: the account of %s: %v: %w", a.Write, r, err)
		}
		counted += n
	}
	for _, r := range w.rejected {
		switch {
		case !above[r.node] || r.read != "" && !of(r.read):
		case r.read == "" && len(a.Reads) > 0 && !r.about:
			return fmt.Errorf("pipelinetest: the account of %s: of which Read the record was that was rejected at %s is not known there: %s", a.Write, r.place, r.reason)
		case r.about:
			return fmt.Errorf("pipelinetest: the account of %s: the result at %s became a dead letter, and nothing says how many records it was made of: %s", a.Write, r.place, r.reason)
		case r.late:
			late++
		default:
			dead++
		}
	}
	if counted+late+dead != read {
		return broken(miscounts, "%d records were read above write %s; its results are made of %d, %d were late and %d dead letters, which is %d", read, a.Write, counted, late, dead, counted+late+dead)
	}
	return nil
}

// ancestors adds the numbers of a node and of all above it.
func ancestors(n *plan.Node, to map[int]bool) {
	to[n.ID] = true
	for _, in := range n.In {
		ancestors(in, to)
	}
}
