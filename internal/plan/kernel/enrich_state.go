package kernel

import (
	"encoding/binary"
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

// An entry of the state of an Enrich is
//
//	passed:  0x03  varint(instant)  uvarint(serial)
//	record:  0x04  uvarint(serial)  varint(frontier)  varint(time)  uvarint(len key)  key  record
//	entry:   0x05  varint(from)  uvarint(len key)  key  entry
//
// with the key in its canonical encoding, and record and entry in their codecs. The first says before which instant each record was
// handed on, which drops the records that are older, and how many have had to wait; the last one, from which time on the entry counts. Where
// records without an entry are not handed on, both times are 0, and a record waits until the entry of its key has come, and for nothing
// else: an entry drops the records for which it counts.

// Snapshot writes the whole state, or what changed since the last kept snapshot.
func (k *enricher[K, A, B, C]) Snapshot(w plan.StateWriter, full bool) (err error) {
	defer k.broken(&err)
	k.restored = nil
	k.takenParked, k.newParked = k.newParked, k.takenParked[:0] // which holds on to nothing: Settle has cleared it
	records, entries := k.takenParked, k.entries.take()
	if full {
		records, entries = k.all()
	}
	k.buf = appendPassed(k.buf[:0], k.passed, k.serial)
	if err := w.Add(k.buf); err != nil {
		return err
	}
	for _, e := range records {
		if e.gone {
			continue
		}
		b := binary.AppendUvarint(append(k.buf[:0], entryRecord), e.serial)
		b = appendInstant(binary.AppendVarint(b, e.frontier), k.keys, e.key, e.time)
		if k.buf, err = k.A.Append(b, e.value); err != nil {
			return k.about(e.key, err)
		}
		if err := w.Add(k.buf); err != nil {
			return err
		}
	}
	for _, place := range entries {
		e := &k.entries.slots[place]
		b := appendInstant(append(k.buf[:0], entryVersion), k.keys, e.key, e.value.from)
		if k.buf, err = k.B.Append(b, e.value.value); err != nil {
			return k.about(e.key, err)
		}
		if err := w.Add(k.buf); err != nil {
			return err
		}
	}
	return nil
}

// all returns everything, in an order that no map decides.
func (k *enricher[K, A, B, C]) all() (records []*parked[K, A], entries []uint32) {
	for _, of := range k.parked {
		for _, e := range of {
			if !e.gone {
				records = append(records, e)
			}
		}
	}
	order(records, nil, func(e **parked[K, A]) rank[int64] { return rank[int64]{key: int64((*e).serial)} })
	for place := range k.entries.slots {
		entries = append(entries, uint32(place))
	}
	order(entries, nil, func(place *uint32) rank[K] { return k.entries.slots[*place].rank() })
	return records, entries
}

func (k *enricher[K, A, B, C]) about(key K, err error) error {
	return fmt.Errorf("plan: state of %s, key %q: %w", k.node.Label(), k.keys.Text(key), err)
}

// Settle ends the snapshot taken last.
func (k *enricher[K, A, B, C]) Settle(kept bool) {
	if !kept {
		k.newParked = append(k.newParked, k.takenParked...)
	}
	k.entries.settle(kept)
	clear(k.takenParked)
	k.takenParked = k.takenParked[:0]
}

// Restore takes one entry back.
func (k *enricher[K, A, B, C]) Restore(data []byte) (err error) {
	defer k.broken(&err)
	if len(data) == 0 {
		return errEntry
	}
	switch kind, rest := data[0], data[1:]; kind {
	case entryPassed:
		if k.passed, k.serial, err = cutPassed(rest); k.KeepMissing {
			k.drop()
		}
		return err
	case entryRecord:
		return k.restoreRecord(rest)
	case entryVersion:
		key, from, rest, err := cutInstant(rest, k.keys)
		if err != nil {
			return err
		}
		v, err := k.B.Decode(rest)
		if err != nil {
			return k.about(key, err)
		}
		place, _ := k.entries.at(key)
		*k.entry(place) = written[B]{from, v}
		k.unpark(key, from)
		return nil
	}
	return errEntry
}

func (k *enricher[K, A, B, C]) restoreRecord(data []byte) error {
	serial, n := binary.Uvarint(data)
	if n <= 0 {
		return errEntry
	}
	frontier, m := binary.Varint(data[n:])
	if m <= 0 {
		return errEntry
	}
	key, time, rest, err := cutInstant(data[n+m:], k.keys)
	if err != nil {
		return err
	}
	v, err := k.A.Decode(rest)
	if err != nil {
		return k.about(key, err)
	}
	if k.restored == nil {
		k.restored = make(map[uint64]bool)
	}
	if e := k.entries.get(key); (e == nil || e.value.from > k.from(time)) && !k.restored[serial] {
		k.restored[serial] = true
		k.keep(&parked[K, A]{serial: serial, key: key, time: time, frontier: frontier, value: v})
	}
	return nil
}
