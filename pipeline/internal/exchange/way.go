package exchange

import (
	"encoding/binary"

	"github.com/calmstream/calmstream/internal/plan"
)

// Way takes out of the log of a partition what is on its way at a cut: the records that each producer has sent, by its own side of the cut, and
// that the receiver has not taken, by its. Envelopes may hold more, come again and lie across the cut on both sides.
type Way struct {
	next, until []uint64
	told        []int64
}

// NewWay makes a way. For each producer next is the number of the first record that the receiver has not taken, until that of the first that was not
// sent, and told the time before which everything is complete behind the last one that was.
func NewWay(next, until []uint64, told []int64) *Way {
	return &Way{next: append([]uint64(nil), next...), until: until, told: told}
}

// Take returns an envelope of the records that are in this one and were in none before, nil if there are none. What it says is complete is no
// more than what is so at the cut.
func (w *Way) Take(envelope []byte) ([]byte, error) {
	h, records, err := cutHeader(envelope)
	if err != nil {
		return nil, err
	}
	if h.producer >= uint64(len(w.next)) {
		return nil, ErrMalformed
	}
	p := h.producer
	last := min(h.first+h.count, w.until[p])
	if h.first > w.next[p] || last <= w.next[p] {
		return nil, nil // what is missing in between comes again, as for a receiver
	}
	taken := header{producer: p, first: w.next[p], count: last - w.next[p], frontier: plan.Beginning}
	if last == h.first+h.count {
		taken.frontier = min(h.frontier, w.told[p])
	}
	rest := records
	for n := h.first; n < last; n++ {
		if n == taken.first {
			records = rest
		}
		if _, rest, err = cutRecord(rest); err != nil {
			return nil, err
		}
	}
	w.next[p] = last
	records = records[:len(records)-len(rest)]
	return append(taken.append(make([]byte, 0, len(records)+4*binary.MaxVarintLen64+1)), records...), nil
}

// Missing returns a producer whose records have not all been taken out yet, and the number of the first of those.
func (w *Way) Missing() (producer int, number uint64, missing bool) {
	for p, next := range w.next {
		if next < w.until[p] {
			return p, next, true
		}
	}
	return 0, 0, false
}

// Told returns, for each producer, the envelope that stands at the end of the way. It has no record, and says what is complete at the cut.
func (w *Way) Told() (envelopes [][]byte) {
	for p, next := range w.until {
		h := header{producer: uint64(p), first: next, frontier: w.told[p]} //nolint:gosec // an index
		envelopes = append(envelopes, h.append(nil))
	}
	return envelopes
}
