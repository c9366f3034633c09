package kernel

import "github.com/calmstream/calmstream/internal/plan"

// asked is a record that waits for its answer.
type asked[K plan.Key, A any] struct {
	// serial numbers the records, in the order of the log.
	serial uint64
	time   int64
	key    K
	value  A
	dirty  bool
}

func (e *asked[K, A]) before(f *asked[K, A]) bool {
	switch { // cmp.Or would compare the keys each time
	case e.time != f.time:
		return e.time < f.time
	case e.key != f.key:
		return e.key < f.key
	}
	return e.serial < f.serial
}

// waiting are the records that wait, by time and key. A record leaves when its time has passed, and for no other reason, so that
// nobody need write down which have left.
type waiting[K plan.Key, A any] struct {
	queue  queue[*asked[K, A]]
	serial uint64
	// free are records to use again.
	free []*asked[K, A]
	// dirty were added since the last snapshot; taken are in one that is not settled. A serial tells whether a record was used again.
	dirty, taken []awaited[K, A]
	// restored are those that came from a checkpoint, until it has been read: one may come twice.
	restored map[uint64]bool
}

type awaited[K plan.Key, A any] struct {
	serial uint64
	*asked[K, A]
}

func newWaiting[K plan.Key, A any]() waiting[K, A] {
	return waiting[K, A]{queue: queue[*asked[K, A]]{less: (*asked[K, A]).before}}
}

// add makes a record wait.
func (w *waiting[K, A]) add(key K, time int64, v A) {
	w.serial++
	e := w.insert(w.serial, key, time, v)
	e.dirty = true
	w.dirty = append(w.dirty, awaited[K, A]{e.serial, e})
}

func (w *waiting[K, A]) insert(serial uint64, key K, time int64, v A) *asked[K, A] {
	if len(w.free) == 0 {
		block := make([]asked[K, A], 64)
		for i := range block {
			w.free = append(w.free, &block[i])
		}
	}
	last := len(w.free) - 1
	e := w.free[last]
	w.free = w.free[:last]
	*e = asked[K, A]{serial: serial, time: time, key: key, value: v}
	w.queue.push(e)
	return e
}

// next takes the records of the first key and time out of the queue, if it is before the instant.
func (w *waiting[K, A]) next(same []*asked[K, A], before int64) []*asked[K, A] {
	for w.queue.len() > 0 {
		e := w.queue.first()
		if e.time >= before || len(same) > 0 && (e.time != same[0].time || e.key != same[0].key) {
			break
		}
		same = append(same, w.queue.pop())
	}
	return same
}

// remove gives a record back that next took.
func (w *waiting[K, A]) remove(e *asked[K, A]) {
	*e = asked[K, A]{}
	w.free = append(w.free, e)
}

// take moves the records that were added into a snapshot, and calls put for each that still waits.
func (w *waiting[K, A]) take(full bool, put func(*asked[K, A]) error) error {
	w.restored = nil
	w.taken, w.dirty = append(w.taken[:0], w.dirty...), w.dirty[:0]
	for _, e := range w.taken {
		if e.serial != e.asked.serial {
			continue
		}
		e.dirty = false
		if !full {
			if err := put(e.asked); err != nil {
				return err
			}
		}
	}
	if full {
		all := w.queue.all()
		order(all, nil, func(e **asked[K, A]) rank[int64] { return rank[int64]{key: int64((*e).serial)} })
		for _, e := range all {
			if err := put(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle ends the snapshot; its records count as added again unless it was kept.
func (w *waiting[K, A]) settle(kept bool) {
	if !kept {
		for _, e := range w.taken {
			if e.serial == e.asked.serial && !e.dirty {
				e.dirty = true
				w.dirty = append(w.dirty, e)
			}
		}
	}
	w.taken = w.taken[:0]
}

// restore takes a record back.
func (w *waiting[K, A]) restore(serial uint64, key K, time int64, v A) {
	if w.restored == nil {
		w.restored = make(map[uint64]bool)
	}
	if !w.restored[serial] {
		w.restored[serial] = true
		w.insert(serial, key, time, v)
	}
}

// drop forgets the records before the instant, which were answered.
func (w *waiting[K, A]) drop(before int64) {
	for w.queue.len() > 0 && w.queue.first().time < before {
		w.remove(w.queue.pop())
	}
}
