package kernel

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
)

// place is where a record came from: a function of the log, so that all owners call it the same.
type place struct {
	seq           uint64
	index, branch uint32
	right         bool
}

func (p place) compare(q place) int {
	side := func(right bool) int {
		if right {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(p.seq, q.seq), cmp.Compare(p.index, q.index), cmp.Compare(p.branch, q.branch), cmp.Compare(side(p.right), side(q.right)))
}

// entry is a record that a join keeps.
type entry[K plan.Key, A, B any] struct {
	place place
	key   K
	time  int64
	value Sided[A, B]
	// matched says that it was part of a pair, dirty that a snapshot has to hold it.
	matched, dirty bool
}

// both are the records of a key, by time and then by place.
type both[K plan.Key, A, B any] struct{ left, right []*entry[K, A, B] }

// held are the records that a join keeps.
type held[K plan.Key, A, B any] struct {
	own      func(K) K
	deadline func(*entry[K, A, B]) int64
	// encode is the record's codec.
	encode  func(v *Sided[A, B]) ([]byte, error)
	entries map[place]*entry[K, A, B]
	byKey   map[K]both[K, A, B]
	due     queue[due]
	// dirty and dropped have changed since the last snapshot; taken and gone are in one that is not settled.
	dirty, taken  []place
	dropped, gone []place
}

// add keeps a record.
func (h *held[K, A, B]) add(at place, key K, time int64, v Sided[A, B]) *entry[K, A, B] {
	e := h.insert(at, key, time, v)
	h.touch(e)
	return e
}

func (h *held[K, A, B]) insert(at place, key K, time int64, v Sided[A, B]) *entry[K, A, B] {
	if h.entries == nil {
		h.entries, h.byKey = make(map[place]*entry[K, A, B]), make(map[K]both[K, A, B])
	}
	b, ok := h.byKey[key]
	if !ok {
		key = h.own(key)
	}
	e := &entry[K, A, B]{place: at, key: key, time: time, value: v}
	h.entries[at] = e
	side := &b.left
	if v.Right {
		side = &b.right
	}
	i, _ := slices.BinarySearchFunc(*side, e, byTime[K, A, B])
	*side = slices.Insert(*side, i, e)
	h.byKey[key] = b
	h.due.push(due{h.deadline(e), at}) // perhaps a second time, after a put that replaced another
	return e
}

func byTime[K plan.Key, A, B any](x, y *entry[K, A, B]) int {
	return cmp.Or(cmp.Compare(x.time, y.time), x.place.compare(y.place))
}

func (h *held[K, A, B]) touch(e *entry[K, A, B]) {
	if !e.dirty {
		e.dirty = true
		h.dirty = append(h.dirty, e.place)
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
		at := h.due.pop().place
		if e := h.entries[at]; e != nil { // one that a checkpoint dropped has left its deadline
			h.remove(e)
			h.dropped = append(h.dropped, at)
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
		return x.place.compare(y.place)
	}
	return cmp.Or(bytes.Compare(a, b), x.place.compare(y.place))
}

// remove takes a record out, but for its deadline.
func (h *held[K, A, B]) remove(e *entry[K, A, B]) {
	delete(h.entries, e.place)
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
	at    int64
	place place
}

func (d due) before(e due) bool { return d.at < e.at || d.at == e.at && d.place.compare(e.place) < 0 }
