package kernel

import (
	"encoding/binary"
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

// An entry of a join's state is
//
//	put:     0x01  uvarint(serial)  byte(bit 0: of the right side, bit 1: matched)  varint(time)  uvarint(len key)  key  record
//	passed:  0x03  varint(instant)  uvarint(serial)
//
// with the key in its canonical encoding and the record in its side's codec. The last one, which ends each snapshot, says that all
// deadlines up to the instant have come, which drops the records that had them, and how many records there have been. A put replaces the record of its number.

// Snapshot writes all records, or what changed since the last kept snapshot.
func (k *joiner[K, A, B, C]) Snapshot(w plan.StateWriter, full bool) (err error) {
	defer k.broken(&err)
	h := &k.held
	h.restored = nil
	h.taken, h.dirty = append(h.taken[:0], h.dirty...), h.dirty[:0]
	for _, e := range h.taken {
		e.dirty = false
	}
	changed := h.taken
	if full {
		changed = h.all()
	}
	for _, e := range changed {
		if !e.gone {
			if err := k.put(w, e); err != nil {
				return err
			}
		}
	}
	k.buf = appendPassed(k.buf[:0], k.passed, h.serial)
	return w.Add(k.buf)
}

func (k *joiner[K, A, B, C]) put(w plan.StateWriter, e *entry[K, A, B]) (err error) {
	b := binary.AppendUvarint(append(k.buf[:0], entryPut), e.serial)
	b = append(b, flag(e.value.Right)|flag(e.matched)<<1)
	b = appendInstant(b, k.keys, e.key, e.time)
	if b, err = k.appendRecord(b, &e.value); err != nil {
		return fmt.Errorf("plan: state of %s, key %q: %w", k.node.Label(), k.keys.Text(e.key), err)
	}
	k.buf = b
	return w.Add(b)
}

func (j *Joining[A, B, C]) appendRecord(b []byte, v *Sided[A, B]) ([]byte, error) {
	return appendSide(b, v, j.A, j.B)
}

// Contribution encodes what crosses an exchange.
func (j *Joining[A, B, C]) Contribution() ValueCodec[Sided[A, B]] { return SidedCodec(j.A, j.B) }

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// Settle ends the snapshot taken last.
func (k *joiner[K, A, B, C]) Settle(kept bool) {
	h := &k.held
	if !kept {
		for _, e := range h.taken {
			if !e.gone {
				h.touch(e)
			}
		}
	}
	clear(h.taken)
	h.taken = h.taken[:0]
}

// Restore takes one entry back.
func (k *joiner[K, A, B, C]) Restore(data []byte) (err error) {
	defer k.broken(&err)
	if len(data) == 0 {
		return errEntry
	}
	switch data[0] {
	case entryPassed:
		if k.passed, k.held.serial, err = cutPassed(data[1:]); err == nil {
			k.held.expire(k.passed, func(*entry[K, A, B]) bool { return false })
		}
		return err
	case entryPut:
		return k.restorePut(data[1:])
	}
	return errEntry
}

func (k *joiner[K, A, B, C]) restorePut(data []byte) error {
	serial, n := binary.Uvarint(data)
	if n <= 0 || n == len(data) || data[n] > 3 {
		return errEntry
	}
	flags := data[n]
	key, time, rest, err := cutInstant(data[n+1:], k.keys)
	if err != nil {
		return err
	}
	v, err := decodeSide(flags&1 != 0, rest, k.A, k.B)
	if err != nil {
		return fmt.Errorf("plan: state of %s, key %q: %w", k.node.Label(), k.keys.Text(key), err)
	}
	k.held.restore(serial, key, time, v, flags&2 != 0)
	return nil
}
