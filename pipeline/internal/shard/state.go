package shard

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// An entry of a segment is
//
//	uvarint number of the node, entry of the operator
//
// and the small state in the fence is
//
//	byte version (2), varint frontier, digest, numbers of each sender, numbers and frontiers of the receiver, votes of the producers
//
// Version 1 had no digest, and is still read. Version 3, which is written where results leave with checkpoints, has the numbers of the outbox
// behind the frontier. All belong to plan.FormatVersion.
const (
	metaVersion        = 2
	metaWithoutADigest = 1
	metaWithAnOutbox   = 3
)

// outboxNumber stands where the entries of an operator have the number of its node.
const outboxNumber = math.MaxInt32

// entries tags the entries of one operator with its node and passes them to a segment.
type entries struct {
	node *plan.Node
	to   *checkpoint.SegmentWriter
	buf  []byte
}

func (e *entries) Add(entry []byte) error {
	e.buf = binary.AppendUvarint(e.buf[:0], uint64(e.node.ID))
	e.buf = append(e.buf, entry...)
	return e.to.Add(e.buf)
}

// Snapshot writes what changed since the last kept snapshot, or everything.
func (m *Machine) Snapshot(id string, full bool) (checkpoint.Segment, error) {
	var w checkpoint.SegmentWriter
	for _, s := range m.states {
		if err := s.op.Snapshot(&entries{node: s.node, to: &w}, full); err != nil {
			return checkpoint.Segment{}, err
		}
	}
	return w.Finish(id, full), nil
}

// Settle ends the snapshot taken last; its changes count as changed again unless it was kept.
func (m *Machine) Settle(kept bool) {
	for _, s := range m.states {
		s.op.Settle(kept)
	}
}

// Meta encodes the small state that is always written whole.
func (m *Machine) Meta() []byte {
	b := binary.AppendVarint([]byte{metaVersion}, m.frontier)
	if m.outbox.to != nil || m.outbox.last > 0 {
		b[0] = metaWithAnOutbox
		b = m.outbox.appendState(b)
	}
	b = m.digest.appendState(b)
	for _, s := range m.senders {
		b = s.AppendState(b)
	}
	if m.receiver != nil {
		b = m.receiver.AppendState(b)
	}
	if m.votes != nil {
		b = m.votes.AppendState(b)
	}
	return b
}

// RestoreMeta takes the small state back.
func (m *Machine) RestoreMeta(data []byte) (err error) {
	numbers, _, err := numbersOf(data)
	if err != nil {
		return err
	}
	m.outbox.left, m.outbox.last = numbers.left, numbers.last
	if m.frontier, data, err = m.digest.restore(data); err != nil {
		return err
	}
	for _, s := range m.senders {
		if data, err = s.RestoreState(data); err != nil {
			return err
		}
	}
	if m.receiver != nil {
		if data, err = m.receiver.RestoreState(data); err != nil {
			return err
		}
	}
	if m.votes != nil {
		if data, err = m.votes.RestoreState(data); err != nil {
			return err
		}
	}
	if len(data) > 0 {
		return errState
	}
	return nil
}

// markOf returns the newest mark in the small state of a checkpoint, the zero mark if it has none.
func markOf(meta []byte) (mark, error) {
	d := newDigest(1) // which divides every distance
	_, _, err := d.restore(meta)
	return d.last(), err
}

// numbersOf returns the numbers of the outbox and the frontier in the small state of a checkpoint.
func numbersOf(meta []byte) (n numbers, frontier int64, err error) {
	n, frontier, _, err = head(meta)
	return n, frontier, err
}

// head takes what stands before the digest out of the small state of a checkpoint, and returns what follows.
func head(meta []byte) (of numbers, frontier int64, rest []byte, err error) {
	if len(meta) == 0 || meta[0] < metaWithoutADigest || meta[0] > metaWithAnOutbox {
		return of, 0, nil, errState
	}
	frontier, n := binary.Varint(meta[1:])
	if n <= 0 {
		return of, 0, nil, errState
	}
	if rest = meta[1+n:]; meta[0] == metaWithAnOutbox {
		of, rest, err = readNumbers(rest)
	}
	return of, frontier, rest, err
}

// restore takes the digest and the frontier before it out of the small state of a checkpoint, and returns what follows.
func (d *digest) restore(meta []byte) (frontier int64, rest []byte, err error) {
	_, frontier, rest, err = head(meta)
	if err != nil {
		return 0, nil, err
	}
	if meta[0] == metaWithoutADigest {
		d.known = false
		return frontier, rest, nil
	}
	rest, err = d.restoreState(rest)
	return frontier, rest, err
}

// RestoreChunk takes the entries of a chunk back.
func (m *Machine) RestoreChunk(chunk []byte) error {
	return m.route(chunk, func(s state, entry []byte) error { return s.op.Restore(entry) })
}

// route calls each with the entries of a chunk and the operators that wrote them.
func (m *Machine) route(chunk []byte, each func(s state, entry []byte) error) error {
	return checkpoint.Entries(chunk, func(entry []byte) error {
		id, n := binary.Uvarint(entry)
		if n <= 0 {
			return errState
		}
		for _, s := range m.states {
			if uint64(s.node.ID) == id {
				return each(s, entry[n:])
			}
		}
		return fmt.Errorf("%w: no operator has number %d", errState, id)
	})
}

// Covers reports, by an error that says where, whether a value that is read here now is not above the one that was written to a
// snapshot of this shard before. Operators whose values are not for reading while they grow are passed over.
func (m *Machine) Covers(before checkpoint.Segment) error {
	for _, chunk := range before.Chunks {
		err := m.route(chunk, func(s state, entry []byte) error {
			if c, ok := s.op.(plan.Covering); ok {
				return c.Covers(entry)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
