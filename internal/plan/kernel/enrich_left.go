package kernel

import "github.com/calmstream/calmstream/internal/plan"

// from returns what an entry of the given time, or a record, is compared by: an entry counts for the records that are not before it.
func (k *enricher[K, A, B, C]) from(time int64) int64 {
	if k.KeepMissing && !k.AnyTime {
		return time
	}
	return 0
}

func (e *parked[K, A]) earlier(f *parked[K, A]) bool {
	switch {
	case e.time != f.time:
		return e.time < f.time
	case e.key != f.key:
		return e.key < f.key
	}
	return e.serial < f.serial
}

// advance hands on the records that no entry can come for any more. Each is a fact about its key and instant. They come by time and
// key, so that how the inputs were interleaved does not show; several of one key and time by their content.
func (k *enricher[K, A, B, C]) advance(frontier int64) {
	after := k.rule.After(frontier)
	if k.AnyTime && after == plan.End {
		all, _ := k.all()
		for _, e := range all {
			k.held.push(e)
		}
	}
	for same := k.overdue(after); len(same) > 0; same = k.overdue(after) {
		k.miss(same)
	}
	k.passed = max(k.passed, after) // after a restart the frontier is told again from the beginning
	k.out.flush()
	k.out.advance(after)
}

// overdue takes the records of the first key and time out, if it is before the instant.
func (k *enricher[K, A, B, C]) overdue(before int64) (same []*parked[K, A]) {
	for k.held.len() > 0 {
		e := k.held.first()
		if e.gone {
			k.held.pop()
			continue
		}
		if e.time >= before || len(same) > 0 && (e.time != same[0].time || e.key != same[0].key) {
			break
		}
		k.held.pop()
		k.leave(e)
		same = append(same, e)
	}
	return same
}

// leave takes a record out. Those of a key mostly leave in the order in which they came; one that does not stays in the list, as one
// that is gone, until those before it have left.
func (k *enricher[K, A, B, C]) leave(e *parked[K, A]) {
	e.gone = true
	all := k.parked[e.key]
	for len(all) > 0 && all[0].gone {
		all = all[1:]
	}
	if len(all) == 0 {
		delete(k.parked, e.key)
	} else {
		k.parked[e.key] = all
	}
}

// miss hands on records of one key and time without an entry.
func (k *enricher[K, A, B, C]) miss(same []*parked[K, A]) {
	k.rt.Waited(len(same))
	first := same[0]
	m := plan.Meta{Time: first.time, Frontier: first.time}
	m.Group = k.groups.next(plan.Group{Key: k.keys.Text(first.key), Window: plan.Span{Start: first.time, End: first.time + 1}})
	for _, e := range byContent(same, k.encode, k.unordered(m)) {
		k.alone(m, e)
	}
	if k.out.batch.Len() >= chunk {
		k.out.flush()
	}
}

// alone adds the result of a record without an entry, unless the user's function panics.
func (k *enricher[K, A, B, C]) alone(m plan.Meta, e *parked[K, A]) {
	defer func() {
		if r := recover(); r != nil {
			k.caught(r, m)
		}
	}()
	k.out.batch.Add(m, k.Pair(&e.value, nil))
}

func (k *enricher[K, A, B, C]) encode(e *parked[K, A]) ([]byte, error) {
	return k.A.Append(nil, e.value)
}

// drop forgets the records before the instant that has passed, which were handed on.
func (k *enricher[K, A, B, C]) drop() {
	if k.AnyTime && k.passed == plan.End {
		clear(k.parked)
	}
	for len(k.overdue(k.passed)) > 0 {
	}
}
