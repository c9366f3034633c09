package kernel

import (
	"cmp"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
)

// entry is a record that a join keeps.
type entry[K plan.Key, A, B any] struct {
	// serial numbers the records in the order in which they came, which is that of the log. A place in the log would not do: facts
	// from behind a seal have none of their own.
	serial   uint64
	key      K
	of       *both[K, A, B] // while it is kept
	time     int64
	deadline int64
	value    Sided[A, B]
	// matched says that it was part of a pair, dirty that a snapshot has to hold it, gone that it is kept no more.
	matched, dirty, gone bool
}

func (e *entry[K, A, B]) byDeadline(f *entry[K, A, B]) bool {
	return e.deadline < f.deadline || e.deadline == f.deadline && e.serial < f.serial
}

// both are the records of a key.
type both[K plan.Key, A, B any] struct {
	key         K
	left, right lane[K, A, B]
}

func (b *both[K, A, B]) lane(right bool) *lane[K, A, B] {
	if right {
		return &b.right
	}
	return &b.left
}

// lane are the records of one side of a key, by time and then by number. They mostly come and go in that order: those before from
// have gone.
type lane[K plan.Key, A, B any] struct {
	all  []*entry[K, A, B]
	from int
}

func (l *lane[K, A, B]) items() []*entry[K, A, B] { return l.all[l.from:] }

func byTime[K plan.Key, A, B any](x, y *entry[K, A, B]) int {
	if x.time != y.time {
		return cmp.Compare(x.time, y.time)
	}
	return cmp.Compare(x.serial, y.serial)
}

func (l *lane[K, A, B]) add(e *entry[K, A, B]) {
	if l.from > 0 && len(l.all) == cap(l.all) { // the room in front is used before more is taken
		n := copy(l.all, l.items())
		clear(l.all[n:])
		l.all, l.from = l.all[:n], 0
	}
	if n := len(l.all); n == l.from || byTime(l.all[n-1], e) < 0 {
		l.all = append(l.all, e)
		return
	}
	i, _ := slices.BinarySearchFunc(l.items(), e, byTime[K, A, B])
	l.all = insertAt(l.all, l.from+i, e)
}

func (l *lane[K, A, B]) remove(e *entry[K, A, B]) {
	if l.all[l.from] == e {
		l.all[l.from] = nil
		l.from++
	} else if i, found := slices.BinarySearchFunc(l.items(), e, byTime[K, A, B]); found {
		l.all = slices.Delete(l.all, l.from+i, l.from+i+1)
	}
	if l.from == len(l.all) {
		l.all, l.from = l.all[:0], 0
	}
}

// held are the records that a join keeps.
type held[K plan.Key, A, B any] struct {
	own      func(K) K
	deadline func(*entry[K, A, B]) int64
	// encode is the record's codec.
	encode func(v *Sided[A, B]) ([]byte, error)
	byKey  map[K]*both[K, A, B]
	due    queue[*entry[K, A, B]]
	// n is how many are kept, and serial the number of the last one.
	n      int
	serial uint64
	// dirty have changed since the last snapshot; taken are in one that is not settled. A record leaves when its deadline has come, and
	// for no other reason, so that nobody need write down which have left.
	dirty, taken []*entry[K, A, B]
	// restored are those that came from a checkpoint, until it has been read: one may come twice.
	restored map[uint64]*entry[K, A, B]
	room     []entry[K, A, B]
	// empty are keys without records, to use again.
	empty []*both[K, A, B]
	// expired are those that expire returned.
	expired []*entry[K, A, B]
	ranks   []rank[K] // of order
}

// maxEmpty bounds the memory that is kept for keys that may come.
const maxEmpty = 4096

// add keeps a record.
func (h *held[K, A, B]) add(key K, time int64, v Sided[A, B]) *entry[K, A, B] {
	h.restored = nil
	h.serial++
	e := h.insert(h.serial, key, time, v)
	h.touch(e)
	return e
}

func (h *held[K, A, B]) insert(serial uint64, key K, time int64, v Sided[A, B]) *entry[K, A, B] {
	b := h.byKey[key]
	if b == nil {
		b = h.fresh(h.own(key))
	}
	if len(h.room) == 0 {
		h.room = make([]entry[K, A, B], 32)
	}
	e := &h.room[0]
	h.room = h.room[1:]
	*e = entry[K, A, B]{serial: serial, key: b.key, of: b, time: time, value: v}
	e.deadline = h.deadline(e)
	b.lane(v.Right).add(e)
	h.due.push(e)
	h.n++
	return e
}

// fresh makes room for the records of a key.
func (h *held[K, A, B]) fresh(key K) (b *both[K, A, B]) {
	if last := len(h.empty) - 1; last >= 0 {
		b, h.empty = h.empty[last], h.empty[:last]
	} else {
		b = new(both[K, A, B])
	}
	b.key = key
	h.byKey[key] = b
	return b
}

func (h *held[K, A, B]) touch(e *entry[K, A, B]) {
	if !e.dirty {
		e.dirty = true
		h.dirty = append(h.dirty, e)
	}
}

func (h *held[K, A, B]) match(e *entry[K, A, B]) {
	if !e.matched {
		e.matched = true
		h.touch(e)
	}
}

// expire forgets the records whose deadline has come. It returns those that it is to return, by time and key; several
// of one key and time are in the order of the log, and still to be put in that of their content. They are good until the next call.
func (h *held[K, A, B]) expire(frontier int64, wanted func(*entry[K, A, B]) bool) []*entry[K, A, B] {
	clear(h.expired)
	h.expired = h.expired[:0]
	for h.due.len() > 0 && h.due.first().deadline <= frontier {
		e := h.due.pop()
		if e.gone { // a checkpoint has replaced it
			continue
		}
		h.remove(e)
		if wanted(e) {
			h.expired = append(h.expired, e)
		}
	}
	// Those of one deadline are in the order of the log.
	h.ranks = order(h.expired, h.ranks, func(e **entry[K, A, B]) rank[K] {
		return rank[K]{first: (*e).deadline, second: (*e).time, key: (*e).key}
	})
	return h.expired
}

func (h *held[K, A, B]) encoded(e *entry[K, A, B]) ([]byte, error) { return h.encode(&e.value) }

// all returns the records by their numbers.
func (h *held[K, A, B]) all() (all []*entry[K, A, B]) {
	for _, b := range h.byKey {
		all = append(append(all, b.left.items()...), b.right.items()...)
	}
	order(all, nil, func(e **entry[K, A, B]) rank[int64] { return rank[int64]{key: int64((*e).serial)} })
	return all
}

// restore takes a record back. It replaces one of the same number.
func (h *held[K, A, B]) restore(serial uint64, key K, time int64, v Sided[A, B], matched bool) {
	if h.restored == nil {
		h.restored = make(map[uint64]*entry[K, A, B])
	}
	if e := h.restored[serial]; e != nil && !e.gone {
		h.remove(e)
	}
	e := h.insert(serial, key, time, v)
	e.matched = matched
	h.restored[serial] = e
}

// remove takes a record out, but for its deadline.
func (h *held[K, A, B]) remove(e *entry[K, A, B]) {
	e.gone = true
	h.n--
	b := e.of
	e.of = nil
	b.lane(e.value.Right).remove(e)
	if len(b.left.items())+len(b.right.items()) > 0 {
		return
	}
	delete(h.byKey, b.key)
	if len(h.empty) < maxEmpty && cap(b.left.all)+cap(b.right.all) < 64 {
		h.empty = append(h.empty, b)
	}
}
