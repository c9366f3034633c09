package fork

import "github.com/calmstream/calmstream/internal/plan"

// Decide tells which operators of two versions keep their state, and what else becomes of it.
func Decide(before, next plan.Document) (kept map[int]int, lost, fresh []string, err error) {
	d, err := decide(before, next)
	return d.kept, d.lost, d.fresh, err
}
