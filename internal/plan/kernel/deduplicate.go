package kernel

import (
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
)

// passer hands on the record that makes the state of a key and window known, which is the first of its id there. It is a
// threshold that yields the record instead of the key.
type passer[K plan.Key, T any] struct {
	record *T // that is being applied
	out    outlet[T]
}

// Deduplicate passes on the first record of each key and window, in the order of the shard's log, and forgets a window when the
// rule of the node closes it.
func Deduplicate[K plan.Key, T any](n *plan.Node, rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
	out, err := newOutlet[T](n, down)
	if err != nil {
		return nil, err
	}
	p := &passer[K, T]{out: out}
	return Fold[K, T, crdt.Bool, *crdt.Bool](n, rt, []plan.Operator{p, forgetter[K]{}}, Folding[crdt.Bool, T]{
		Apply: func(dst *crdt.Bool, v *T) bool {
			if dst.Value() {
				return false
			}
			dst.Raise()
			p.record = v
			return true
		},
	})
}

func (k *passer[K, T]) holds(seen *crdt.Bool) bool { return seen.Value() }
func (k *passer[K, T]) seals() bool                { return false }

func (k *passer[K, T]) fire(m plan.Meta, _ K, _ plan.Span, _ *crdt.Bool) {
	k.out.batch.Add(m, *k.record)
}

func (k *passer[K, T]) flush() {
	k.out.flush()
	k.record = nil
}

func (k *passer[K, T]) Advance(frontier int64) { k.out.advance(frontier) }

// forgetter lets a window close without a result.
type forgetter[K plan.Key] struct{}

func (forgetter[K]) close(plan.Meta, plan.Span, []slot[K, crdt.Bool]) {}
func (forgetter[K]) waits() bool                                      { return false }
func (forgetter[K]) Advance(int64)                                    {}
