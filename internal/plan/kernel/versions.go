package kernel

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
)

// version is what a key of a table has from an instant on; nil: nothing, the key was deleted.
type version[B any] struct {
	time  int64
	value *B
	dirty bool
}

// history is what a key has been, by time, with one version for an instant.
type history[K plan.Key, B any] struct {
	key      K
	versions []version[B]
}

// versions are a table over event time. What it holds at a position of the log is a function of the records up to there and of
// the instant before which nothing is asked any more: see prune.
type versions[K plan.Key, B any] struct {
	own    func(K) K
	encode func(b []byte, v *B) ([]byte, error)
	byKey  map[K]*history[K, B]
	// starts has the start of each version that may make those before it useless.
	starts queue[start[K, B]]
	// dirty have changed since the last snapshot; taken are in one that is not settled.
	dirty, taken []start[K, B]
	// gone are deletions that were forgotten since the last snapshot, which may hold what they deleted; lost are in one that is not settled.
	gone, lost []start[K, B]
	buf        [2][]byte
}

// start is where a version begins.
type start[K plan.Key, B any] struct {
	at int64
	of *history[K, B]
}

func (s start[K, B]) before(t start[K, B]) bool {
	return s.at < t.at || s.at == t.at && s.of.key < t.of.key
}

func newVersions[K plan.Key, B any](own func(K) K, encode func([]byte, *B) ([]byte, error)) versions[K, B] {
	return versions[K, B]{own: own, encode: encode, byKey: make(map[K]*history[K, B]), starts: queue[start[K, B]]{less: start[K, B].before}}
}

// put adds a version. Of two of one instant the later in a total order stays, in which a deletion comes last and values are ordered
// by their encodings: what the table has then depends neither on shards nor on which came first. It returns the history if it had
// no version of that instant yet.
func (t *versions[K, B]) put(key K, time int64, value *B) *history[K, B] {
	i, h, found := t.at(key, time)
	if found {
		if v := &h.versions[i]; t.later(value, v.value) {
			v.value = value
			t.touch(h, v)
		}
		return nil
	}
	h.versions = insertAt(h.versions, i, version[B]{time: time, value: value})
	t.touch(h, &h.versions[i])
	t.starts.push(start[K, B]{time, h})
	return h
}

// at returns the history of the key, and where in it the instant is or would be.
func (t *versions[K, B]) at(key K, time int64) (i int, h *history[K, B], found bool) {
	if h = t.byKey[key]; h == nil {
		h = &history[K, B]{key: t.own(key)}
		t.byKey[h.key] = h
	}
	if i = len(h.versions); i == 0 || h.versions[i-1].time < time {
		return i, h, false // the usual case: changes come in order
	}
	i, found = slices.BinarySearchFunc(h.versions, time, func(v version[B], time int64) int { return cmp.Compare(v.time, time) })
	return i, h, found
}

// later reports whether a is after b in the order of the values of one instant. A value that cannot be encoded ends the shard with its
// next snapshot; which one is kept until then does not matter.
func (t *versions[K, B]) later(a, b *B) bool {
	if a == nil || b == nil {
		return a == nil && b != nil
	}
	var errA, errB error
	t.buf[0], errA = t.encode(t.buf[0][:0], a)
	t.buf[1], errB = t.encode(t.buf[1][:0], b)
	return errA == nil && errB == nil && bytes.Compare(t.buf[0], t.buf[1]) > 0
}

func (t *versions[K, B]) touch(h *history[K, B], v *version[B]) {
	if !v.dirty {
		v.dirty = true
		t.dirty = append(t.dirty, start[K, B]{v.time, h})
	}
}

// asOf returns what the key has at an instant, nil if nothing.
func (t *versions[K, B]) asOf(key K, instant int64) *B {
	h := t.byKey[key]
	if h == nil {
		return nil
	}
	n := len(h.versions)
	if n > 0 && h.versions[n-1].time > instant { // else the usual case: the newest is asked for
		n, _ = slices.BinarySearchFunc(h.versions, instant, func(v version[B], instant int64) int {
			if v.time <= instant {
				return -1
			}
			return 1
		})
	}
	if n == 0 {
		return nil
	}
	return h.versions[n-1].value
}

// prune forgets what nobody can ask for who asks for no instant before the given one: the versions of a key that another has
// replaced before it, and a deletion in force then, which is the same as nothing.
func (t *versions[K, B]) prune(before int64) {
	for t.starts.len() > 0 && t.starts.first().at < before {
		t.cut(t.starts.pop().of, before)
	}
}

func (t *versions[K, B]) cut(h *history[K, B], before int64) {
	n := 0 // of versions that begin before the instant: at the instant itself there may still come others
	for n < len(h.versions) && h.versions[n].time < before {
		n++
	}
	if n == 0 {
		return
	}
	if last := &h.versions[n-1]; last.value != nil {
		n--
	} else {
		t.gone = append(t.gone, start[K, B]{last.time, h})
	}
	h.versions = slices.Delete(h.versions, 0, n)
	if len(h.versions) == 0 && t.byKey[h.key] == h {
		delete(t.byKey, h.key)
	}
}

// take moves the versions that changed into a snapshot, and calls put for each that is still there.
func (t *versions[K, B]) take(full bool, put func(*history[K, B], *version[B]) error) error {
	t.taken, t.dirty = append(t.taken[:0], t.dirty...), t.dirty[:0]
	t.lost, t.gone = append(t.lost[:0], t.gone...), t.gone[:0]
	changed := t.taken
	for _, s := range changed {
		if v := s.version(); v != nil {
			v.dirty = false
		}
	}
	if full {
		changed = nil
		for _, h := range t.byKey {
			for i := range h.versions {
				changed = append(changed, start[K, B]{h.versions[i].time, h})
			}
		}
		order(changed, nil, func(s *start[K, B]) rank[K] { return rank[K]{key: s.of.key} }) // those of a key are in order already
	}
	for _, s := range changed {
		if v := s.version(); v != nil {
			if err := put(s.of, v); err != nil {
				return err
			}
		}
	}
	if full {
		return nil
	}
	for _, s := range t.lost {
		if err := put(s.of, &version[B]{time: s.at}); err != nil {
			return err
		}
	}
	return nil
}

// version returns the version that begins there, or nil if it was forgotten.
func (s start[K, B]) version() *version[B] {
	i, found := slices.BinarySearchFunc(s.of.versions, s.at, func(v version[B], time int64) int { return cmp.Compare(v.time, time) })
	if !found {
		return nil
	}
	return &s.of.versions[i]
}

// settle ends the snapshot; its versions count as changed again unless it was kept.
func (t *versions[K, B]) settle(kept bool) {
	if !kept {
		for _, s := range t.taken {
			if v := s.version(); v != nil {
				t.touch(s.of, v)
			}
		}
	}
	if !kept {
		t.gone = append(t.gone, t.lost...)
	}
	t.taken, t.lost = t.taken[:0], t.lost[:0]
}

// restore takes a version back. It replaces what the key had at the instant. It returns what put does.
func (t *versions[K, B]) restore(key K, time int64, value *B) *history[K, B] {
	i, h, found := t.at(key, time)
	if found {
		h.versions[i].value = value
		return nil
	}
	h.versions = insertAt(h.versions, i, version[B]{time: time, value: value})
	t.starts.push(start[K, B]{time, h})
	return h
}
