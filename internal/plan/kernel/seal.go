package kernel

import "github.com/calmstream/calmstream/internal/plan"

// chunk bounds the batches in which a sealed window is handed on.
const chunk = 1024

// sealer is the kernel of Seal: it turns the closed windows of the fold above into facts.
type sealer[K plan.Key, L any] struct {
	keys   plan.KeyCodec[K]
	groups groups
	out    outlet[plan.Fact[K, L]]
}

// Seal hands on the state of each key of a window that has closed.
func Seal[K plan.Key, L any](n *plan.Node, down []plan.Operator) (plan.Operator, error) {
	out, err := newOutlet[plan.Fact[K, L]](n, down)
	return &sealer[K, L]{keys: plan.KeyCodecOf[K](), out: out}, err
}

func (k *sealer[K, L]) close(m plan.Meta, span plan.Span, slots []slot[K, L]) {
	for i := range slots {
		s := &slots[i]
		m.Group = k.groups.next(plan.Group{Key: k.keys.Text(s.key), Window: span})
		k.out.batch.Add(m, plan.Fact[K, L]{Key: s.key, Window: span, Value: s.value})
		if k.out.batch.Len() == chunk {
			k.out.flush()
		}
	}
}

func (k *sealer[K, L]) waits() bool { return true }

// Advance also hands on what was closed before: there may be many sessions, of one key each.
func (k *sealer[K, L]) Advance(frontier int64) {
	k.out.flush()
	k.out.advance(frontier)
}
