package kernel

import "github.com/calmstream/calmstream/internal/plan"

// sampler takes a sample of records, for a digest that owners compare. The zero sampler takes none.
type sampler[T any] struct {
	// bound is the share of all messages, of 1<<64, that the sample is made of.
	bound uint64
	out   outlet[T]
}

func newSampler[T any](n *plan.Node, bits int, to plan.Operator) (sampler[T], error) {
	out, err := newOutlet[T](n, []plan.Operator{to})
	return sampler[T]{bound: ^uint64(0) >> bits, out: out}, err
}

// look takes what belongs to the sample. A fact about a key and window does not: its sequence is that of the batch in which
// the window closed. The factor spreads any regular sequences, which a shard may well have.
func (s *sampler[T]) look(b *plan.Batch[T]) {
	bound, metas := s.bound, b.Meta
	for i := range metas {
		if metas[i].Seq*0x9e3779b97f4a7c15 < bound && metas[i].Group == nil {
			s.out.batch.Add(metas[i], b.Val[i])
		}
	}
	s.out.flush()
}
