package exchange

import (
	"encoding/binary"
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

// Receiver is the lower end of an exchange for one partition. It belongs to the shard's goroutine. Its registry, the
// producer shards, is fixed when the plan is made: a frontier that none of them can undercut is a threshold over it.
type Receiver struct {
	producers []producer
}

type producer struct {
	next     uint64
	frontier int64
}

// NewReceiver makes a receiver from the given number of producer shards.
func NewReceiver(producers int) *Receiver {
	r := &Receiver{producers: make([]producer, producers)}
	for i := range r.producers {
		r.producers[i] = producer{next: 1, frontier: plan.Beginning}
	}
	return r
}

// Accept takes an envelope and calls each with the records that are new, with their ordinal in the envelope. Records
// are valid during the call only.
func (r *Receiver) Accept(envelope []byte, each func(index uint32, record []byte) error) error {
	h, rest, err := cutHeader(envelope)
	if err != nil {
		return err
	}
	if h.producer >= uint64(len(r.producers)) {
		return fmt.Errorf("exchange: envelope of producer %d, but there are only %d: %w", h.producer, len(r.producers), ErrMalformed)
	}
	p := &r.producers[h.producer]
	if h.first > p.next {
		return nil // what is missing in between comes again, and this behind it
	}
	for i := range h.count {
		var record []byte
		if record, rest, err = cutRecord(rest); err != nil {
			return err
		}
		if h.first+i != p.next {
			continue // taken before
		}
		if err := each(uint32(i), record); err != nil {
			return err
		}
		p.next++
	}
	if len(rest) > 0 {
		return ErrMalformed
	}
	// Also from an envelope that was skipped whole: its last record has been taken.
	p.frontier = max(p.frontier, h.frontier)
	return nil
}

// Frontier returns the event time before which every producer is complete.
func (r *Receiver) Frontier() int64 {
	frontier := int64(plan.End)
	for i := range r.producers {
		frontier = min(frontier, r.producers[i].frontier)
	}
	return frontier
}

// FrontierOf returns the event time before which one producer is complete.
func (r *Receiver) FrontierOf(producer int) int64 { return r.producers[producer].frontier }

// Next returns the number of the next record of one producer.
func (r *Receiver) Next(producer int) uint64 { return r.producers[producer].next }

// Waiting returns the producers that hold the frontier back, for people.
func (r *Receiver) Waiting() []int {
	var out []int
	for i, at := 0, r.Frontier(); i < len(r.producers); i++ {
		if r.producers[i].frontier == at && at != plan.End {
			out = append(out, i)
		}
	}
	return out
}

// AppendState appends what a checkpoint keeps.
func (r *Receiver) AppendState(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(r.producers)))
	for i := range r.producers {
		b = binary.AppendUvarint(b, r.producers[i].next)
		b = binary.AppendVarint(b, r.producers[i].frontier)
	}
	return b
}

// RestoreState takes it back and returns the rest of data.
func (r *Receiver) RestoreState(data []byte) ([]byte, error) {
	n, size := binary.Uvarint(data)
	if size <= 0 || n != uint64(len(r.producers)) {
		return nil, ErrMalformed
	}
	data = data[size:]
	for i := range r.producers {
		next, size := binary.Uvarint(data)
		if size <= 0 || next == 0 {
			return nil, ErrMalformed
		}
		data = data[size:]
		frontier, size := binary.Varint(data)
		if size <= 0 {
			return nil, ErrMalformed
		}
		data = data[size:]
		r.producers[i] = producer{next: next, frontier: frontier}
	}
	return data, nil
}
