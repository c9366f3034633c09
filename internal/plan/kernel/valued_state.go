package kernel

import (
	"encoding/binary"
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

// An entry of a state that is sealed by values is
//
//	put:   0x01  varint(start of the global window)  uvarint(len key)  key  value
//	drop:  0x03  16 bytes ID of a value: all its keys, and its votes
//	votes: 0x04  16 bytes ID of a value  one bit for each shard in which it is complete, of which 8 are a byte, the lowest first
//
// A put is that of a fold. In what is no full snapshot, drops and votes come first, in the order in which they happened.
const (
	entryDropValue = 0x03
	entryVotes     = 0x04
)

func appendDrop(b []byte, id plan.ValueID) []byte { return append(append(b, entryDropValue), id[:]...) }

func appendVotes(b []byte, id plan.ValueID, voters members) []byte {
	return append(append(append(b, entryVotes), id[:]...), voters...)
}

// members are those of a set of small numbers.
type members []byte

func newMembers(n int) members { return make(members, (n+7)/8) }

func (b members) set(i int) { b[i/8] |= 1 << (i % 8) }

func (b members) has(i int) bool { return b[i/8]&(1<<(i%8)) != 0 }

func (b members) none() bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

// full reports whether all of the first n are members.
func (b members) full(n int) bool {
	for i := range n {
		if !b.has(i) {
			return false
		}
	}
	return true
}

// journal has the entries since the last kept snapshot, in order, of which taken are in the one that is not settled. Each is
// absolute, so that writing it again does no harm.
type journal struct {
	entries [][]byte
	taken   int
}

func (j *journal) add(entry []byte) { j.entries = append(j.entries, entry) }

// take writes the entries, unless the snapshot is full and so has what they led to.
func (j *journal) take(w plan.StateWriter, full bool) error {
	j.taken = len(j.entries)
	if full {
		return nil
	}
	for _, e := range j.entries {
		if err := w.Add(e); err != nil {
			return err
		}
	}
	return nil
}

func (j *journal) settle(kept bool) {
	if kept {
		rest := copy(j.entries, j.entries[j.taken:])
		clear(j.entries[rest:])
		j.entries = j.entries[:rest]
	}
	j.taken = 0
}

// Snapshot writes all keys and votes, or what changed since the last kept snapshot.
func (k *valued[K, C, L, P]) Snapshot(w plan.StateWriter, full bool) (err error) {
	defer k.broken(&err)
	k.taken, k.dirty = append(k.taken[:0], k.dirty...), k.dirty[:0]
	if err := k.journal.take(w, full); err != nil {
		return err
	}
	for _, s := range k.taken {
		s.dirty = false
		if !full && !s.gone {
			if err := k.put(w, &s.slot); err != nil {
				return err
			}
		}
	}
	if !full {
		return nil
	}
	for _, id := range k.inOrder() {
		v := k.values[id]
		if !v.voters.none() {
			k.buf = appendVotes(k.buf[:0], id, v.voters)
			if err := w.Add(k.buf); err != nil {
				return err
			}
		}
		for _, s := range v.keys {
			if err := k.put(w, &s.slot); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *valued[K, C, L, P]) put(w plan.StateWriter, s *slot[K, L]) error {
	b := binary.AppendVarint(append(k.buf[:0], entryPut), plan.Beginning)
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
func (k *valued[K, C, L, P]) Settle(kept bool) {
	if !kept {
		for _, s := range k.taken {
			if !s.gone {
				k.touch(s)
			}
		}
	}
	clear(k.taken)
	k.taken = k.taken[:0]
	k.journal.settle(kept)
}

// Restore takes one entry back.
func (k *valued[K, C, L, P]) Restore(entry []byte) (err error) {
	defer k.broken(&err)
	if len(entry) == 0 {
		return errEntry
	}
	rest := entry[1:]
	switch entry[0] {
	case entryPut:
		key, value, err := k.cutPut(rest)
		if err != nil {
			return err
		}
		s, _ := k.at(key)
		if err := P(&s.value).UnmarshalBinary(value); err != nil {
			return fmt.Errorf("plan: state of %s, key %q: %w", k.node.Label(), k.keys.Text(key), err)
		}
		s.fired = k.known(&s.value)
		return nil
	case entryDropValue:
		if len(rest) != len(plan.ValueID{}) {
			return errEntry
		}
		k.drop(plan.ValueID(rest))
		return nil
	case entryVotes:
		id := plan.ValueID{}
		if len(rest) != len(id)+len(newMembers(k.feeders)) {
			return errEntry
		}
		copy(id[:], rest)
		copy(k.open(id).voters, rest[len(id):])
		return nil
	}
	return errEntry
}

// drop forgets a value that was closed.
func (k *valued[K, C, L, P]) drop(id plan.ValueID) {
	if v := k.values[id]; v != nil {
		for _, s := range v.keys {
			delete(k.states, s.key)
		}
		delete(k.values, id)
	}
}

// cutPut takes key and state out of a put.
func (k *valued[K, C, L, P]) cutPut(entry []byte) (key K, value []byte, err error) {
	_, n := binary.Varint(entry)
	if n <= 0 {
		return key, nil, errEntry
	}
	encoded, value, err := cutBytes(entry[n:])
	if err != nil {
		return key, nil, err
	}
	key, err = k.keys.Decode(encoded)
	return key, value, err
}

// Covers holds an entry of a snapshot taken before against the present state. A key that is not there any more was closed.
func (k *valued[K, C, L, P]) Covers(entry []byte) error {
	if len(entry) == 0 {
		return errEntry
	}
	if entry[0] != entryPut {
		return nil
	}
	key, value, err := k.cutPut(entry[1:])
	if err != nil {
		return err
	}
	if s := k.states[key]; s != nil && !covers[L, P](&s.value, value) {
		return k.fell(k.keys.Text(key), plan.Global)
	}
	return nil
}
