package exchange

import (
	"encoding/binary"

	"github.com/calmstream/calmstream/internal/plan"
)

// target size of an envelope: large enough that the cost of a message is shared by many records.
const envelopeBytes = 32 << 10

// Sender is the upper end of an exchange for one producer shard. It belongs to the shard's goroutine.
type Sender struct {
	producer uint64
	frontier int64
	lanes    []lane
	out      func(partition int, envelope []byte)
}

// lane is the way to one partition.
type lane struct {
	next     uint64 // number of the next record
	first    uint64 // number of the first record of the open envelope
	records  []byte
	frontier int64 // the last one sent
}

// NewSender makes a sender to the given number of partitions. out takes each finished envelope and owns it.
func NewSender(producer, partitions int, out func(partition int, envelope []byte)) *Sender {
	s := &Sender{producer: uint64(producer), frontier: plan.Beginning, lanes: make([]lane, partitions), out: out}
	for i := range s.lanes {
		s.lanes[i] = lane{next: 1, first: 1, frontier: plan.Beginning}
	}
	return s
}

// Send numbers a record for the partition of its key. Key and record may be reused after the call; the record is not longer
// than MaxRecord.
func (s *Sender) Send(key, record []byte) { s.send(plan.Partition(key, len(s.lanes)), record) }

// Broadcast numbers a record for each partition.
func (s *Sender) Broadcast(record []byte) {
	for partition := range s.lanes {
		s.send(partition, record)
	}
}

func (s *Sender) send(partition int, record []byte) {
	l := &s.lanes[partition]
	if len(l.records)+len(record) > envelopeBytes && len(l.records) > 0 {
		s.cut(partition)
	}
	l.records = binary.AppendUvarint(l.records, uint64(len(record)))
	l.records = append(l.records, record...)
	l.next++
}

// Complete notes that everything sent so far is complete before frontier.
func (s *Sender) Complete(frontier int64) { s.frontier = max(s.frontier, frontier) }

// Frontier returns the event time before which everything sent so far is complete.
func (s *Sender) Frontier() int64 { return s.frontier }

// Flush finishes the open envelopes, and tells partitions that get none of a frontier that has moved on.
func (s *Sender) Flush() {
	for i := range s.lanes {
		if l := &s.lanes[i]; len(l.records) > 0 || l.frontier < s.frontier {
			l.frontier = s.frontier
			s.cut(i)
		}
	}
}

// cut finishes the open envelope of a lane. In the middle of a batch it carries the frontier of the batch before, which
// still holds: frontiers only grow.
func (s *Sender) cut(partition int) {
	l := &s.lanes[partition]
	h := header{producer: s.producer, first: l.first, count: l.next - l.first, frontier: l.frontier}
	envelope := make([]byte, 0, len(l.records)+4*binary.MaxVarintLen64)
	s.out(partition, append(h.append(envelope), l.records...))
	l.first, l.records = l.next, l.records[:0]
}

// Next returns the number of the next record for each partition.
func (s *Sender) Next() []uint64 {
	next := make([]uint64, len(s.lanes))
	for i := range s.lanes {
		next[i] = s.lanes[i].next
	}
	return next
}

// AppendState appends the numbers that a checkpoint keeps. It is called after Flush. Frontiers are not kept: after
// a restart they are told again.
func (s *Sender) AppendState(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(s.lanes)))
	for i := range s.lanes {
		b = binary.AppendUvarint(b, s.lanes[i].next)
	}
	return b
}

// RestoreState takes the numbers back and returns the rest of data.
func (s *Sender) RestoreState(data []byte) ([]byte, error) {
	n, size := binary.Uvarint(data)
	if size <= 0 || n != uint64(len(s.lanes)) {
		return nil, ErrMalformed
	}
	data = data[size:]
	for i := range s.lanes {
		next, size := binary.Uvarint(data)
		if size <= 0 || next == 0 {
			return nil, ErrMalformed
		}
		s.lanes[i] = lane{next: next, first: next, frontier: plan.Beginning}
		data = data[size:]
	}
	return data, nil
}
