package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
)

// An entry of the state of session windows is all that a key has:
//
//	uvarint(len key)  key  count x { varint(start)  uvarint(length)  uvarint(len value)  value }
//
// with the key in its canonical encoding and the value in its lattice's. It replaces what the key had; without sessions it
// drops the key. See tally.go for one that is no key.

// Snapshot writes all keys, or those that changed since the last kept snapshot.
func (k *sessions[K, C, L, P]) Snapshot(w plan.StateWriter, full bool) (err error) {
	defer k.broken(&err)
	if k.tally.used {
		if err := w.Add(k.tally.state(slices.Clone(tallyMark))); err != nil {
			return err
		}
	}
	taken := k.visits.take()
	if !full {
		for _, place := range taken {
			if err := k.put(w, &k.visits.slots[place]); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range k.visits.slots {
		if v := &k.visits.slots[i]; len(v.value.sessions) > 0 { // others are free, or have nothing to say
			if err := k.put(w, v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *sessions[K, C, L, P]) put(w plan.StateWriter, v *slot[K, visits[L]]) error {
	b := binary.AppendUvarint(k.buf[:0], uint64(k.keys.Size(v.key)))
	b = k.keys.Append(b, v.key)
	for i := range v.value.sessions {
		s := &v.value.sessions[i]
		b = binary.AppendVarint(b, s.span.Start)
		b = binary.AppendUvarint(b, uint64(s.span.End-s.span.Start))
		value, err := P(&s.value).AppendBinary(k.value[:0])
		if err != nil {
			return fmt.Errorf("plan: state of %s, key %q: %w", k.node.Label(), k.keys.Text(v.key), err)
		}
		k.value = value
		b = append(binary.AppendUvarint(b, uint64(len(value))), value...)
	}
	k.buf = b
	return w.Add(b)
}

// Settle ends the snapshot taken last. Keys whose sessions have all ended are known to have none from then on.
func (k *sessions[K, C, L, P]) Settle(kept bool) {
	if kept {
		for _, place := range k.visits.taken {
			if v := &k.visits.slots[place]; !v.dirty && len(v.value.sessions) == 0 {
				k.forget(place)
			}
		}
	}
	k.visits.settle(kept)
}

// Restore takes one entry back.
func (k *sessions[K, C, L, P]) Restore(entry []byte) (err error) {
	defer k.broken(&err)
	if tally, ok := bytes.CutPrefix(entry, tallyMark); ok {
		return k.tally.restore(tally)
	}
	encoded, rest, err := cutBytes(entry)
	if err != nil {
		return err
	}
	key, err := k.keys.Decode(encoded)
	if err != nil {
		return err
	}
	var restored []session[L]
	for len(rest) > 0 {
		var s session[L]
		if s, rest, err = k.cutSession(rest); err != nil {
			return fmt.Errorf("plan: state of %s, key %q: %w", k.node.Label(), k.keys.Text(key), err)
		}
		restored = append(restored, s)
	}
	hash := k.visits.hash(key)
	if place := k.visits.seek(hash, key); place != nowhere {
		k.forget(place)
	}
	if len(restored) > 0 {
		place := k.visit(hash, key)
		v := &k.visits.slots[place].value
		v.sessions = append(v.sessions, restored...)
		k.open += len(restored)
		k.expect(place)
	}
	return nil
}

func (k *sessions[K, C, L, P]) cutSession(data []byte) (s session[L], rest []byte, err error) {
	span, value, rest, err := cutVisit(data)
	if err != nil {
		return s, nil, err
	}
	s.span = span
	if err := P(&s.value).UnmarshalBinary(value); err != nil {
		return s, nil, err
	}
	s.fired = k.known(&s.value)
	return s, rest, nil
}

// cutVisit takes one session off the entry of its key, and returns the rest.
func cutVisit(data []byte) (span plan.Span, value, rest []byte, err error) {
	start, n := binary.Varint(data)
	if n <= 0 {
		return span, nil, nil, errEntry
	}
	length, m := binary.Uvarint(data[n:])
	if m <= 0 || length > uint64(plan.End-max(start, 0)) {
		return span, nil, nil, errEntry
	}
	value, rest, err = cutBytes(data[n+m:])
	return plan.Span{Start: start, End: start + int64(length)}, value, rest, err
}

// cutBytes returns what stands behind its length, and the rest.
func cutBytes(data []byte) (part, rest []byte, err error) {
	size, n := binary.Uvarint(data)
	if n <= 0 || size > uint64(len(data)-n) {
		return nil, nil, errEntry
	}
	end := n + int(size)
	return data[n:end], data[end:], nil
}
