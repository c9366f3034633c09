package kernel

import (
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

// Tabling says which rows a join of two tables has, and what they are.
type Tabling[A, B, C any] struct {
	// KeepLeft and KeepRight say whether a key has a row that only the left or only the right table has.
	KeepLeft, KeepRight bool
	// Row makes a row; one side is nil where its table has nothing.
	Row func(*A, *B) C
	A   plan.Codec[*A]
	B   plan.Codec[*B]
}

// tabler is the kernel of JoinTables: it keeps both tables over event time, and tells of each instant at which one of them changed what
// became of the row, once nothing can come at that instant or before.
type tabler[K plan.Key, A, B, C any] struct {
	guard
	Tabling[A, B, C]
	rule  plan.SealRule
	keys  plan.KeyCodec[K]
	left  versions[K, A]
	right versions[K, B]
	// changed are the instants to tell of, perhaps twice.
	changed queue[instant[K]]
	groups  groups
	out     outlet[plan.RowChange[K, C]]
	// passed is the instant before which everything was told.
	passed int64
	buf    []byte
}

// instant is when something happened to a key.
type instant[K plan.Key] struct {
	at  int64
	key K
}

func (i instant[K]) before(j instant[K]) bool {
	return i.at < j.at || i.at == j.at && i.key < j.key
}

// Tables joins two tables.
func Tables[K plan.Key, A, B, C any](n *plan.Node, rt *plan.Runtime, down []plan.Operator, t Tabling[A, B, C]) (plan.Operator, error) {
	out, err := newOutlet[plan.RowChange[K, C]](n, down)
	if err != nil {
		return nil, err
	}
	k := &tabler[K, A, B, C]{guard: guard{n, rt}, Tabling: t, rule: n.Rule, keys: plan.KeyCodecOf[K](), out: out, passed: plan.Beginning}
	k.left, k.right = newVersions[K](k.keys.Own, k.A.Append), newVersions[K](k.keys.Own, k.B.Append)
	k.changed.less = instant[K].before
	rt.Register(n, k)
	return k, nil
}

func (k *tabler[K, A, B, C]) Consume(b *plan.Batch[plan.Contribution[K, Sided[*A, *B]]]) {
	for i := 0; i < b.Len(); {
		i = k.run(b, i)
	}
}

// run goes on from a record until the end, or until the user's codec panics.
func (k *tabler[K, A, B, C]) run(b *plan.Batch[plan.Contribution[K, Sided[*A, *B]]], from int) (next int) {
	defer func() {
		if r := recover(); r != nil {
			k.caught(r, b.Meta[next])
			next++
		}
	}()
	for next = from; next < b.Len(); next++ {
		c := &b.Val[next]
		if c.Value.Right {
			note(k, k.right.put(c.Key, c.Start, c.Value.B), c.Start)
		} else {
			note(k, k.left.put(c.Key, c.Start, c.Value.A), c.Start)
		}
	}
	return next
}

// note takes note of a new version.
func note[K plan.Key, A, B, C, V any](k *tabler[K, A, B, C], h *history[K, V], at int64) {
	if h != nil {
		k.changed.push(instant[K]{at, h.key})
	}
}

// Advance tells of the instants at which nothing can change any more, by time and key.
func (k *tabler[K, A, B, C]) Advance(frontier int64) {
	after := k.rule.After(frontier)
	for k.changed.len() > 0 && k.changed.first().at < after {
		i := k.changed.pop()
		for k.changed.len() > 0 && k.changed.first() == i {
			k.changed.pop() // both tables changed
		}
		k.tell(i)
	}
	if after > k.passed {
		k.passed = after
		k.prune()
	}
	k.out.flush()
	k.out.advance(after)
}

// prune forgets what is not asked for again: the next instant to tell of needs what was before it.
func (k *tabler[K, A, B, C]) prune() {
	if k.passed > plan.Beginning {
		k.left.prune(k.passed - 1)
		k.right.prune(k.passed - 1)
	}
}

// tell hands on what an instant has changed for a key.
func (k *tabler[K, A, B, C]) tell(i instant[K]) {
	a, b := k.left.asOf(i.key, i.at), k.right.asOf(i.key, i.at)
	oldA, oldB := k.left.asOf(i.key, i.at-1), k.right.asOf(i.key, i.at-1)
	if a == oldA && b == oldB || !k.has(a, b) && !k.has(oldA, oldB) {
		return // a deletion of nothing, or of something that no row has
	}
	k.rt.Waited(1)
	m := plan.Meta{Time: i.at, Frontier: i.at}
	m.Group = k.groups.next(plan.Group{Key: k.keys.Text(i.key), Window: plan.Span{Start: i.at, End: i.at + 1}})
	k.make(m, i.key, a, b)
	if k.out.batch.Len() >= chunk {
		k.out.flush()
	}
}

// has reports whether there is a row.
func (k *tabler[K, A, B, C]) has(a *A, b *B) bool {
	return a != nil && (b != nil || k.KeepLeft) || b != nil && k.KeepRight
}

// make adds a change, unless the user's function panics.
func (k *tabler[K, A, B, C]) make(m plan.Meta, key K, a *A, b *B) {
	defer func() {
		if r := recover(); r != nil {
			k.caught(r, m)
		}
	}()
	change := plan.RowChange[K, C]{Key: key, Deleted: true}
	if k.has(a, b) {
		change = plan.RowChange[K, C]{Key: key, Value: k.Row(a, b)}
	}
	k.out.batch.Add(m, change)
}

func (k *tabler[K, A, B, C]) Open() int { return k.changed.len() }

// An entry of the state of two joined tables is
//
//	left:     0x06  varint(time)  uvarint(len key)  key  value
//	right:    0x05  varint(time)  uvarint(len key)  key  value
//	passed:   0x03  varint(instant)  uvarint(0)
//
// with what lookup_state.go says of them. What is to be told is what begins at the instant or later.
const entryLeft = 0x06

// Snapshot writes the whole state, or what changed since the last kept snapshot.
func (k *tabler[K, A, B, C]) Snapshot(w plan.StateWriter, full bool) (err error) {
	defer k.broken(&err)
	if err := snapshotSide(k, &k.left, w, full, entryLeft); err != nil {
		return err
	}
	if err := snapshotSide(k, &k.right, w, full, entryVersion); err != nil {
		return err
	}
	k.buf = appendPassed(k.buf[:0], k.passed, 0)
	return w.Add(k.buf)
}

func snapshotSide[K plan.Key, A, B, C, V any](k *tabler[K, A, B, C], side *versions[K, V], w plan.StateWriter, full bool, kind byte) error {
	return side.take(full, func(h *history[K, V], v *version[V]) (err error) {
		b := appendInstant(append(k.buf[:0], kind), k.keys, h.key, v.time)
		if k.buf, err = side.encode(b, v.value); err != nil {
			return k.about(h.key, err)
		}
		return w.Add(k.buf)
	})
}

func (k *tabler[K, A, B, C]) about(key K, err error) error {
	return fmt.Errorf("plan: state of %s, key %q: %w", k.node.Label(), k.keys.Text(key), err)
}

// Settle ends the snapshot taken last.
func (k *tabler[K, A, B, C]) Settle(kept bool) {
	k.left.settle(kept)
	k.right.settle(kept)
}

// Restore takes one entry back.
func (k *tabler[K, A, B, C]) Restore(data []byte) (err error) {
	defer k.broken(&err)
	if len(data) == 0 {
		return errEntry
	}
	switch kind, rest := data[0], data[1:]; kind {
	case entryPassed:
		if k.passed, _, err = cutPassed(rest); err != nil {
			return err
		}
		for k.changed.len() > 0 && k.changed.first().at < k.passed {
			k.changed.pop()
		}
		k.prune()
		return nil
	case entryLeft:
		return restoreSide(k, &k.left, k.A, rest)
	case entryVersion:
		return restoreSide(k, &k.right, k.B, rest)
	}
	return errEntry
}

func restoreSide[K plan.Key, A, B, C, V any](k *tabler[K, A, B, C], side *versions[K, V], codec plan.Codec[*V], data []byte) error {
	key, time, rest, err := cutInstant(data, k.keys)
	if err != nil {
		return err
	}
	v, err := codec.Decode(rest)
	if err != nil {
		return k.about(key, err)
	}
	note(k, side.restore(key, time, v), time) // what was told is dropped with the instant behind it
	return nil
}
