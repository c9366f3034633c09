package seal

import (
	"encoding/binary"

	"github.com/calmstream/calmstream/internal/plan"
)

// An entry of the state of values is
//
//	waiting: 0x01  uvarint(producer)  uvarint(seq)  uvarint(count)  digest  uvarint(attribute)  16 bytes ID of the value
//	done:    0x02  uvarint(producer)  uvarint(seq)
//	ballot:  0x03  uvarint(attribute)  16 bytes ID of the value  one bit for each producer, of which 8 are a byte
//	sealed:  0x04  16 bytes ID of the value
//
// A waiting promise stands at seq in the log; a done one waits no more. Producers and attributes are numbers in the order of their names.
// Digests are 8 bytes, little endian. Entries are absolute, and come in the order in which they were true.
const (
	entryWaiting = 0x01
	entryDone    = 0x02
	entryBallot  = 0x03
	entrySealed  = 0x04
)

func appendWaiting(b []byte, producer int, made *keyPromise) []byte {
	b = binary.AppendUvarint(append(b, entryWaiting), uint64(producer))
	b = made.append(binary.AppendUvarint(b, made.seq))
	return append(binary.AppendUvarint(b, uint64(made.attribute)), made.value[:]...)
}

func appendDone(b []byte, producer int, seq uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(append(b, entryDone), uint64(producer)), seq)
}

func appendBallot(b []byte, value plan.ValueID, of *ballot) []byte {
	b = binary.AppendUvarint(append(b, entryBallot), uint64(of.attribute))
	return append(append(b, value[:]...), of.voters...)
}

func appendSealed(b []byte, value plan.ValueID) []byte {
	return append(append(b, entrySealed), value[:]...)
}

// note adds an entry to those since the last kept snapshot.
func (k *Keys) note(entry []byte) { k.changes = append(k.changes, entry) }

// Snapshot writes everything, or what has changed since the last kept snapshot. All that was decided has taken effect.
func (k *Keys) Snapshot(w plan.StateWriter, full bool) error {
	k.taken = len(k.changes)
	if !full {
		for _, e := range k.changes {
			if err := w.Add(e); err != nil {
				return err
			}
		}
		return nil
	}
	var buf []byte
	add := func(entry []byte) error {
		buf = entry[:0]
		return w.Add(entry)
	}
	for producer, all := range k.waiting {
		for i := range all {
			if err := add(appendWaiting(buf, producer, &all[i])); err != nil {
				return err
			}
		}
	}
	for _, value := range sortedIDs(k.ballots) {
		if err := add(appendBallot(buf, value, k.ballots[value])); err != nil {
			return err
		}
	}
	for _, value := range sortedIDs(k.sealed) {
		if err := add(appendSealed(buf, value)); err != nil {
			return err
		}
	}
	return nil
}

// Settle ends the snapshot taken last.
func (k *Keys) Settle(kept bool) {
	if kept {
		rest := copy(k.changes, k.changes[k.taken:])
		clear(k.changes[rest:])
		k.changes = k.changes[:rest]
	}
	k.taken = 0
}

// Open returns 0: what waits is counted by the states that are sealed.
func (k *Keys) Open() int { return 0 }

// Restore takes one entry back.
func (k *Keys) Restore(entry []byte) error {
	if len(entry) == 0 {
		return ErrMalformed
	}
	d := decoder{data: entry[1:]}
	switch entry[0] {
	case entryWaiting:
		k.restoreWaiting(&d)
	case entryDone:
		k.restoreDone(&d)
	case entryBallot:
		k.restoreBallot(&d)
	case entrySealed:
		value := d.value()
		if b := k.ballots[value]; b != nil {
			k.close(value, b)
		}
		k.sealed[value] = struct{}{}
	default:
		return ErrMalformed
	}
	if d.failed || len(d.data) > 0 {
		return ErrMalformed
	}
	return nil
}

func (k *Keys) restoreWaiting(d *decoder) {
	producer := d.below(len(k.waiting))
	made := keyPromise{seq: d.uvarint()}
	made.Tally = d.tally()
	made.attribute, made.value = d.below(len(k.attributes)), d.value()
	if d.failed {
		return
	}
	k.forget(producer, made.seq) // who lost a race writes again what the winner may have written
	if len(k.waiting[producer]) >= maxKeyPromises {
		d.failed = true
		return
	}
	k.insert(producer, made)
}

func (k *Keys) restoreDone(d *decoder) {
	producer, seq := d.below(len(k.waiting)), d.uvarint()
	if !d.failed {
		k.forget(producer, seq)
	}
}

// forget removes the waiting promise that stands at seq, if there is one.
func (k *Keys) forget(producer int, seq uint64) {
	for i := range k.waiting[producer] {
		if k.waiting[producer][i].seq == seq {
			k.remove(producer, i)
			return
		}
	}
}

func (k *Keys) restoreBallot(d *decoder) {
	b := &ballot{attribute: d.below(len(k.attributes))}
	value := d.value()
	b.voters = append(b.voters, d.bytes((len(k.waiting)+7)/8)...)
	if d.failed {
		return
	}
	if before := k.ballots[value]; before != nil {
		k.close(value, before)
	}
	for i := range k.open {
		if b.has(i) {
			k.open[i]++
		}
	}
	k.ballots[value] = b
}

// below reads a number below a limit.
func (d *decoder) below(limit int) int {
	n := d.uvarint()
	if n >= uint64(limit) {
		d.failed, d.data = true, nil
		return 0
	}
	return int(n)
}

func (d *decoder) bytes(n int) []byte {
	if n > len(d.data) {
		d.failed, d.data = true, nil
		return nil
	}
	b := d.data[:n]
	d.data = d.data[n:]
	return b
}

func (d *decoder) value() (id plan.ValueID) {
	copy(id[:], d.bytes(len(id)))
	return id
}
