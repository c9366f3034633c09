package shard

import (
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

// Certificate is the proof of a seal: what was sealed, and on whose word. That a window is sealed, with which keys and
// digest, is the same for all owners. How far the registry was beyond it when an owner came to seal it is not, since it
// seals between batches: that part is what this owner has witnessed.
type Certificate struct {
	plan.Certificate
	// Frontier is that of the shard, and Registry that of each whose word counted.
	Frontier int64
	Registry []Word
}

// Word is how far one of those whose word counts says that its input is complete.
type Word struct {
	Name     string
	Frontier int64
}

// certifyRange is how many positions of the log a certificate of what is sealed by its evidence is about: so there is not more than one of
// half a kilobyte for so many messages.
const certifyRange = 1 << 12

// certify takes note of a window that was sealed. As for final results, the log must be whole for it.
func (m *Machine) certify(c plan.Certificate) {
	m.finals = true
	own := Certificate{Certificate: c, Frontier: m.frontier}
	if c.Kind != plan.ByEvidence { // which waits for nobody's word
		own.Registry = m.words()
	}
	m.out.Certificates = append(m.out.Certificates, own)
}

// words returns the registry. The certificates of a batch share it.
func (m *Machine) words() []Word {
	if n := len(m.out.Certificates); n > 0 {
		if last := &m.out.Certificates[n-1]; last.Registry != nil && last.Frontier == m.frontier {
			return last.Registry
		}
	}
	return m.registry()
}

// registry returns those whose word seals windows: the shards that feed this one, the producers of its input, or its input itself.
func (m *Machine) registry() (words []Word) {
	switch {
	case m.receiver != nil:
		i := 0
		for _, from := range m.env.Stage.From {
			for shard := range from.Shards {
				words = append(words, Word{fmt.Sprintf("shard %s/%d", from.Name, shard), m.receiver.FrontierOf(i)})
				i++
			}
		}
	case m.votes != nil:
		m.votes.Words(func(producer string, frontier int64) {
			words = append(words, Word{"producer " + producer, frontier})
		})
	default:
		words = append(words, Word{"shard " + m.env.ID.String(), m.frontier})
	}
	return words
}
