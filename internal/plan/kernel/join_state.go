package kernel

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
)

// An entry of a join's state is
//
//	put:  0x01  place  byte(1 if matched)  varint(time)  uvarint(len key)  key  record
//	drop: 0x02  place
//
//	place: uvarint(sequence)  uvarint(index)  uvarint(branch)  byte(0 left, 1 right)
//
// with the key in its canonical encoding and the record in its side's codec. A put replaces what stood at the place.

func appendPlace(b []byte, p place) []byte {
	b = binary.AppendUvarint(b, p.seq)
	b = binary.AppendUvarint(b, uint64(p.index))
	b = binary.AppendUvarint(b, uint64(p.branch))
	return append(b, flag(p.right))
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}

func cutPlace(data []byte) (p place, rest []byte, err error) {
	var v [3]uint64
	for i := range v {
		u, n := binary.Uvarint(data)
		if n <= 0 {
			return p, nil, errEntry
		}
		v[i], data = u, data[n:]
	}
	if len(data) == 0 || data[0] > 1 || v[1] > 1<<32-1 || v[2] > 1<<32-1 {
		return p, nil, errEntry
	}
	return place{v[0], uint32(v[1]), uint32(v[2]), data[0] == 1}, data[1:], nil
}

// Snapshot writes all records, or what changed since the last kept snapshot.
func (k *joiner[K, A, B, C]) Snapshot(w plan.StateWriter, full bool) (err error) {
	defer k.broken(&err)
	h := &k.held
	h.gone, h.dropped = append(h.gone[:0], h.dropped...), h.dropped[:0]
	h.taken, h.dirty = append(h.taken[:0], h.dirty...), h.dirty[:0]
	for _, at := range h.taken {
		if e := h.entries[at]; e != nil {
			e.dirty = false
		}
	}
	changed := h.taken
	if full {
		changed = changed[:0:0]
		for at := range h.entries {
			changed = append(changed, at)
		}
		slices.SortFunc(changed, place.compare)
	} else {
		for _, at := range h.gone {
			if err := w.Add(appendPlace(append(k.buf[:0], entryDrop), at)); err != nil {
				return err
			}
		}
	}
	for _, at := range changed {
		if e := h.entries[at]; e != nil {
			if err := k.put(w, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *joiner[K, A, B, C]) put(w plan.StateWriter, e *entry[K, A, B]) (err error) {
	b := append(appendPlace(append(k.buf[:0], entryPut), e.place), flag(e.matched))
	b = binary.AppendVarint(b, e.time)
	b = binary.AppendUvarint(b, uint64(k.keys.Size(e.key)))
	b = k.keys.Append(b, e.key)
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

// Settle ends the snapshot taken last.
func (k *joiner[K, A, B, C]) Settle(kept bool) {
	h := &k.held
	if !kept {
		h.dropped = append(h.dropped, h.gone...)
		for _, at := range h.taken {
			if e := h.entries[at]; e != nil {
				h.touch(e)
			}
		}
	}
	h.taken, h.gone = h.taken[:0], h.gone[:0]
}

// Restore takes one entry back.
func (k *joiner[K, A, B, C]) Restore(data []byte) (err error) {
	defer k.broken(&err)
	if len(data) == 0 {
		return errEntry
	}
	kind := data[0]
	at, rest, err := cutPlace(data[1:])
	if err != nil {
		return err
	}
	if e := k.held.entries[at]; e != nil {
		k.held.remove(e)
	}
	switch kind {
	case entryDrop:
		return nil
	case entryPut:
		return k.restorePut(at, rest)
	}
	return errEntry
}

func (k *joiner[K, A, B, C]) restorePut(at place, rest []byte) error {
	if len(rest) == 0 || rest[0] > 1 {
		return errEntry
	}
	matched := rest[0] == 1
	time, n := binary.Varint(rest[1:])
	if n <= 0 {
		return errEntry
	}
	rest = rest[1+n:]
	size, n := binary.Uvarint(rest)
	if n <= 0 || size > uint64(len(rest)-n) {
		return errEntry
	}
	key, err := k.keys.Decode(rest[n : n+int(size)])
	if err != nil {
		return err
	}
	v, err := decodeSide(at.right, rest[n+int(size):], k.A, k.B)
	if err != nil {
		return fmt.Errorf("plan: state of %s, key %q: %w", k.node.Label(), k.keys.Text(key), err)
	}
	k.held.insert(at, key, time, v).matched = matched
	return nil
}
