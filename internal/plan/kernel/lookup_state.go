package kernel

import (
	"encoding/binary"
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

// An entry of the state of a lookup is
//
//	record:   0x04  uvarint(serial)  varint(time)  uvarint(len key)  key  record
//	version:  0x05  varint(time)  uvarint(len key)  key  value
//	passed:   0x03  varint(instant)  uvarint(serial)
//
// with the key in its canonical encoding, the record in its codec and the value in that of NullCodec. The last one, which ends each
// snapshot, says that everything before the instant was answered, and how many records there have been; what nobody can ask for any more
// is forgotten by it, here as in the shard that wrote it, so that no entry need say what is gone. The others are absolute. A deletion is written even if
// the shard has forgotten it: what it deleted may stand in an earlier segment.
const (
	entryPassed  = 0x03
	entryRecord  = 0x04
	entryVersion = 0x05
)

// Snapshot writes the whole state, or what changed since the last kept snapshot.
func (k *looker[K, A, B, C]) Snapshot(w plan.StateWriter, full bool) (err error) {
	defer k.broken(&err)
	err = k.waiting.take(full, func(e *asked[K, A]) (err error) {
		b := binary.AppendUvarint(append(k.buf[:0], entryRecord), e.serial)
		b = appendInstant(b, k.keys, e.key, e.time)
		if k.buf, err = k.A.Append(b, e.value); err != nil {
			return k.about(e.key, err)
		}
		return w.Add(k.buf)
	})
	if err != nil {
		return err
	}
	err = k.table.take(full, func(h *history[K, B], v *version[B]) (err error) {
		b := appendInstant(append(k.buf[:0], entryVersion), k.keys, h.key, v.time)
		if k.buf, err = k.B.Append(b, v.value); err != nil {
			return k.about(h.key, err)
		}
		return w.Add(k.buf)
	})
	if err != nil {
		return err
	}
	k.buf = appendPassed(k.buf[:0], k.passed, k.waiting.serial)
	return w.Add(k.buf)
}

func appendPassed(b []byte, passed int64, serial uint64) []byte {
	return binary.AppendUvarint(binary.AppendVarint(append(b, entryPassed), passed), serial)
}

func (k *looker[K, A, B, C]) about(key K, err error) error {
	return fmt.Errorf("plan: state of %s, key %q: %w", k.node.Label(), k.keys.Text(key), err)
}

func appendInstant[K plan.Key](b []byte, keys plan.KeyCodec[K], key K, time int64) []byte {
	b = binary.AppendVarint(b, time)
	b = binary.AppendUvarint(b, uint64(keys.Size(key)))
	return keys.Append(b, key)
}

func cutInstant[K plan.Key](data []byte, keys plan.KeyCodec[K]) (key K, time int64, rest []byte, err error) {
	time, n := binary.Varint(data)
	if n <= 0 {
		return key, 0, nil, errEntry
	}
	data = data[n:]
	size, n := binary.Uvarint(data)
	if n <= 0 || size > uint64(len(data)-n) {
		return key, 0, nil, errEntry
	}
	key, err = keys.Decode(data[n : n+int(size)])
	return key, time, data[n+int(size):], err
}

// Settle ends the snapshot taken last.
func (k *looker[K, A, B, C]) Settle(kept bool) {
	k.waiting.settle(kept)
	k.table.settle(kept)
}

// Restore takes one entry back.
func (k *looker[K, A, B, C]) Restore(data []byte) (err error) {
	defer k.broken(&err)
	if len(data) == 0 {
		return errEntry
	}
	switch kind, rest := data[0], data[1:]; kind {
	case entryPassed:
		return k.restorePassed(rest)
	case entryRecord:
		serial, n := binary.Uvarint(rest)
		if n <= 0 {
			return errEntry
		}
		key, time, rest, err := cutInstant(rest[n:], k.keys)
		if err != nil {
			return err
		}
		v, err := k.A.Decode(rest)
		if err != nil {
			return k.about(key, err)
		}
		k.waiting.restore(serial, key, time, v)
		return nil
	case entryVersion:
		key, time, rest, err := cutInstant(rest, k.keys)
		if err != nil {
			return err
		}
		v, err := k.B.Decode(rest)
		if err != nil {
			return k.about(key, err)
		}
		k.table.restore(key, time, v)
		return nil
	}
	return errEntry
}

func (k *looker[K, A, B, C]) restorePassed(data []byte) (err error) {
	if k.passed, k.waiting.serial, err = cutPassed(data); err == nil {
		k.waiting.drop(k.passed)
		k.table.prune(k.passed)
	}
	return err
}

func cutPassed(data []byte) (passed int64, serial uint64, err error) {
	passed, n := binary.Varint(data)
	if n <= 0 {
		return 0, 0, errEntry
	}
	serial, m := binary.Uvarint(data[n:])
	if m <= 0 || n+m != len(data) {
		return 0, 0, errEntry
	}
	return passed, serial, nil
}

// NullCodec encodes a value that may be missing: a byte 0, or a byte 1 and the value.
func NullCodec[B any](c plan.Codec[B]) plan.Codec[*B] {
	return plan.Codec[*B]{
		Name: c.Name,
		Append: func(b []byte, v *B) ([]byte, error) {
			if v == nil {
				return append(b, 0), nil
			}
			return c.Append(append(b, 1), *v)
		},
		Decode: func(data []byte) (*B, error) {
			switch {
			case len(data) == 1 && data[0] == 0:
				return nil, nil
			case len(data) == 0 || data[0] != 1:
				return nil, errEntry
			}
			v, err := c.Decode(data[1:])
			return &v, err
		},
	}
}
