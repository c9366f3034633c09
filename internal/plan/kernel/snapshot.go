package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

// An entry of a fold's state is
//
//	put:  0x01  varint(window start)  uvarint(len key)  key  value
//	drop: 0x02  varint(window start)
//
// with the key in its canonical encoding and the value in its lattice's. A put is absolute: it replaces what the key
// had. See tally.go for one more. The layout belongs to the engine's format version.
const (
	entryPut  = 0x01
	entryDrop = 0x02
)

var errEntry = errors.New("plan: malformed state entry")

// Snapshot writes all keys, or those that changed since the last kept snapshot.
func (k *folder[K, C, L, P]) Snapshot(w plan.StateWriter, full bool) (err error) {
	defer k.broken(&err)
	if err := k.snapshotTallies(w); err != nil {
		return err
	}
	k.panes.taken, k.panes.dropped = append(k.panes.taken[:0], k.panes.dropped...), k.panes.dropped[:0]
	if !full {
		for _, start := range k.panes.taken {
			k.buf = binary.AppendVarint(append(k.buf[:0], entryDrop), start)
			if err := w.Add(k.buf); err != nil {
				return err
			}
		}
	}
	for _, pane := range k.panes.inOrder() {
		taken := pane.take()
		if !full {
			for _, i := range taken {
				if err := k.put(w, pane.span.Start, &pane.slots[i]); err != nil {
					return err
				}
			}
			continue
		}
		for i := range pane.slots {
			if err := k.put(w, pane.span.Start, &pane.slots[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *folder[K, C, L, P]) put(w plan.StateWriter, start int64, s *slot[K, L]) error {
	b := binary.AppendVarint(append(k.buf[:0], entryPut), start)
	b = binary.AppendUvarint(b, uint64(k.keys.Size(s.key)))
	b = k.keys.Append(b, s.key)
	b, err := P(&s.value).AppendBinary(b)
	if err != nil {
		return fmt.Errorf("plan: state of %s, key %q: %w", k.node.Label(), k.keys.Text(s.key), err)
	}
	k.buf = b
	return w.Add(b)
}

// Settle ends the snapshot taken last.
func (k *folder[K, C, L, P]) Settle(kept bool) {
	for _, pane := range k.panes.byStart {
		pane.settle(kept)
	}
	if !kept {
		k.panes.dropped = append(k.panes.dropped, k.panes.taken...)
	}
	k.panes.taken = k.panes.taken[:0]
}

// Restore takes one entry back.
func (k *folder[K, C, L, P]) Restore(entry []byte) (err error) {
	defer k.broken(&err)
	if len(entry) == 0 {
		return errEntry
	}
	if entry[0] == entryTally {
		return k.restoreTally(entry[1:])
	}
	start, n := binary.Varint(entry[1:])
	if n <= 0 {
		return errEntry
	}
	rest := entry[1+n:]
	switch entry[0] {
	case entryDrop:
		if pane := k.panes.byStart[start]; pane != nil {
			k.panes.remove(pane)
		}
		return nil
	case entryPut:
		return k.restorePut(start, rest)
	}
	return errEntry
}

func (k *folder[K, C, L, P]) restorePut(start int64, rest []byte) error {
	size, n := binary.Uvarint(rest)
	if n <= 0 || size > uint64(len(rest)-n) {
		return errEntry
	}
	key, err := k.keys.Decode(rest[n : n+int(size)])
	if err != nil {
		return err
	}
	pane := k.panes.at(k.windowing, start)
	hash := pane.hash(key)
	place := pane.seek(hash, key)
	if place == nowhere {
		place = pane.add(hash, key) // it was made for the state alone
	}
	s := &pane.slots[place]
	if err := P(&s.value).UnmarshalBinary(rest[n+int(size):]); err != nil {
		return fmt.Errorf("plan: state of %s, key %q: %w", k.node.Label(), k.keys.Text(key), err)
	}
	s.fired = k.known(&s.value)
	return nil
}

// known asks a threshold about a state.
func known[K plan.Key, L any](t threshold[K, L], value *L) (fired bool) {
	defer func() {
		if recover() != nil {
			fired = false
		}
	}()
	return t.holds(value)
}
