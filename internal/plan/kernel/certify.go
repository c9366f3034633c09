package kernel

import (
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/cespare/xxhash/v2"
)

// certify tells of a window that has closed. Its slots are in the order of their keys.
func (k *folder[K, C, L, P]) certify(span plan.Span, slots []slot[K, L]) {
	if k.rt.Certify == nil {
		return
	}
	c := plan.Certificate{Node: k.node, Window: span, Keys: len(slots), Seq: k.seq}
	digest := digester{sum: xxhash.New()}
	for i := range slots {
		k.addTo(&digest, span.Start, &slots[i])
	}
	c.Digest = digest.sum.Sum64()
	k.rt.Certify(c)
}

// addTo adds a slot to a digest. A state that cannot be encoded counts as its key alone: the next checkpoint will say so.
func (k *folder[K, C, L, P]) addTo(d *digester, start int64, s *slot[K, L]) {
	defer func() {
		if recover() != nil {
			_ = d.Add(k.keys.Append(k.buf[:0], s.key))
		}
	}()
	_ = k.put(d, start, s)
}

// digester is a plan.StateWriter that keeps a digest of the entries.
type digester struct{ sum *xxhash.Digest }

func (d *digester) Add(entry []byte) error {
	_, err := d.sum.Write(entry)
	return err
}
