package kernel

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
)

// entry is a record that a join keeps.
type entry[K plan.Key, A, B any] struct {
	// serial numbers the records in the order in which they came, which is that of the log. A place in the log would not do: facts
	// from behind a seal have none of their own.
	serial uint64
	key    K
	time   int64
	value  Sided[A, B]
	// matched says that it was part of a pair, dirty that a snapshot has to hold it.
	matched, dirty bool
}

// both are the records of a key, by time and then by number.
type both[K plan.Key, A, B any] struct{ left, right []*entry[K, A, B] }

// held are the records that a join keeps.
type held[K plan.Key, A, B any] struct {
	own      func(K) K
	deadline func(*entry[K, A, B]) int64
	// encode is the record's codec.
	encode  func(v *Sided[A, B]) ([]byte, error)
	entries map[uint64]*entry[K, A, B]
	byKey   map[K]both[K, A, B]
	due     queue[due]
	// serial is the number of the last record.
	serial uint64
	// dirty have changed since the last snapshot; taken are in one that is not settled. A record leaves when its deadline has come, and
	// for no other reason, so that nobody need write down which have left.
	dirty, taken []uint64
}

// add keeps a record.
func (h *held[K, A, B]) add(key K, time int64, v Sided[A, B]) *entry[K, A, B] {
	h.serial++
	e := h.insert(h.serial, key, time, v)
	h.touch(e)
	return e
}

func (h *held[K, A, B]) insert(serial uint64, key K, time int64, v Sided[A, B]) *entry[K, A, B] {
	if h.entries == nil {
		h.entries, h.byKey = make(map[uint64]*entry[K, A, B]), make(map[K]both[K, A, B])
	}
	b, ok := h.byKey[key]
	if !ok {
		key = h.own(key)
	}
	e := &entry[K, A, B]{serial: serial, key: key, time: time, value: v}
	h.entries[serial] = e
	side := &b.left
	if v.Right {
		side = &b.right
	}
	i, _ := slices.BinarySearchFunc(*side, e, byTime[K, A, B])
	*side = slices.Insert(*side, i, e)
	h.byKey[key] = b
	h.due.push(due{h.deadline(e), serial}) // perhaps a second time, after a put that replaced another
	return e
}

func byTime[K plan.Key, A, B any](x, y *entry[K, A, B]) int {
	return cmp.Or(cmp.Compare(x.time, y.time), cmp.Compare(x.serial, y.serial))
}

func (h *held[K, A, B]) touch(e *entry[K, A, B]) {
	if !e.dirty {
		e.dirty = true
		h.dirty = append(h.dirty, e.serial)
	}
}

func (h *held[K, A, B]) match(e *entry[K, A, B]) {
	if !e.matched {
		e.matched = true
		h.touch(e)
	}
}

// expire forgets the records whose deadline has come, and returns them by time and key, so that how the inputs were
// interleaved does not show; several of one key and time by their content.
func (h *held[K, A, B]) expire(frontier int64) (out []*entry[K, A, B]) {
	for h.due.len() > 0 && h.due.first().at <= frontier {
		if e := h.entries[h.due.pop().serial]; e != nil { // one that a checkpoint replaced has left its deadline
			h.remove(e)
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(x, y *entry[K, A, B]) int {
		return cmp.Or(cmp.Compare(h.deadline(x), h.deadline(y)), cmp.Compare(x.time, y.time), cmp.Compare(x.key, y.key), h.content(x, y))
	})
	return out
}

// content orders two records of one key and time. That is rare enough to encode them for it.
func (h *held[K, A, B]) content(x, y *entry[K, A, B]) int {
	a, errA := h.encode(&x.value)
	b, errB := h.encode(&y.value)
	if errA != nil || errB != nil {
		return cmp.Compare(x.serial, y.serial)
	}
	return cmp.Or(bytes.Compare(a, b), cmp.Compare(x.serial, y.serial))
}

// remove takes a record out, but for its deadline.
func (h *held[K, A, B]) remove(e *entry[K, A, B]) {
	delete(h.entries, e.serial)
	b := h.byKey[e.key]
	side := &b.left
	if e.value.Right {
		side = &b.right
	}
	switch i, found := slices.BinarySearchFunc(*side, e, byTime[K, A, B]); {
	case found && i == 0:
		(*side)[0], *side = nil, (*side)[1:] // the usual case, in which nothing moves
	case found:
		*side = slices.Delete(*side, i, i+1)
	}
	if len(b.left)+len(b.right) == 0 {
		delete(h.byKey, e.key)
	} else {
		h.byKey[e.key] = b
	}
}

// due is a deadline.
type due struct {
	at     int64
	serial uint64
}

func (d due) before(e due) bool { return d.at < e.at || d.at == e.at && d.serial < e.serial }
