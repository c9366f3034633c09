package crdt

import (
	"cmp"
	"encoding/json"
)

// kKeys has the k best keys of a ranking: what TopK and BottomK are.
type kKeys[K, S Ordered, D direction] struct {
	k       limit
	ranking tree[entry[K, S, D]]
	scores  tree[scored[K, S]] // the same, by key
}

// scored is a key with its score, in the order of keys.
type scored[K, S Ordered] struct {
	key   K
	score S
}

func (a scored[K, S]) compare(b scored[K, S]) int { return cmp.Compare(a.key, b.key) }

// tooLow reports whether there are k better keys than e.
func (x *kKeys[K, S, D]) tooLow(e entry[K, S, D]) bool {
	return x.k.full(x.ranking.n) && (*x.ranking.last()).compare(e) < 0
}

// add adds an entry and reports whether anything changed.
func (x *kKeys[K, S, D]) add(e entry[K, S, D]) bool {
	if x.tooLow(e) {
		return false
	}
	if known := x.scores.find(scored[K, S]{key: e.key}); known != nil {
		if !better[S, D](e.score, known.score) {
			return false
		}
		x.ranking.delete(entry[K, S, D]{known.score, e.key})
		known.score = e.score
	} else {
		if x.k.full(x.ranking.n) {
			x.dropLast()
		}
		x.scores.insert(scored[K, S]{e.key, e.score})
	}
	x.ranking.insert(e)
	return true
}

// observe is add that returns the delta.
func (x *kKeys[K, S, D]) observe(key K, score S) (delta kKeys[K, S, D]) {
	e := entry[K, S, D]{score, key}
	if x.add(e) {
		delta.k = x.k
		delta.add(e)
	}
	return delta
}

func (x *kKeys[K, S, D]) dropLast() {
	last := *x.ranking.last()
	x.ranking.delete(last)
	x.scores.delete(scored[K, S]{key: last.key})
}

// limit lowers the limit to k, unless it is lower, and drops what exceeds it.
func (x *kKeys[K, S, D]) limit(k limit) bool {
	if !x.k.below(k) {
		return false
	}
	for x.k = k; k.exceeded(x.ranking.n); {
		x.dropLast()
	}
	return true
}

func (x *kKeys[K, S, D]) merge(other *kKeys[K, S, D]) (grew bool) {
	grew = x.limit(other.k)
	for e := range other.ranking.all {
		if x.tooLow(*e) {
			break // the others come after it
		}
		grew = x.add(*e) || grew
	}
	return grew
}

// delta returns what of x is in the merge with since, but not in since. It has the limit of x if it has anything.
func (x *kKeys[K, S, D]) delta(since *kKeys[K, S, D]) (d kKeys[K, S, D]) {
	var both kKeys[K, S, D]
	both.merge(since)
	both.merge(x)
	for e := range x.ranking.all {
		if both.ranking.find(*e) != nil && since.ranking.find(*e) == nil {
			d.add(*e)
		}
	}
	if d.ranking.n > 0 || since.k.below(x.k) {
		d.k = x.k
	}
	return d
}

func (x *kKeys[K, S, D]) all(yield func(K, S) bool) {
	for e := range x.ranking.all {
		if !yield(e.key, e.score) {
			return
		}
	}
}

// reached reports whether there are k keys, none with a score worse than s.
func (x *kKeys[K, S, D]) reached(s S) bool {
	return x.k.full(x.ranking.n) && !better[S, D](s, x.ranking.last().score)
}

// bestReached reports whether there is a key with a score of s or better.
func (x *kKeys[K, S, D]) bestReached(s S) bool {
	return x.ranking.n > 0 && !better[S, D](s, x.ranking.root.first().score)
}

func (x *kKeys[K, S, D]) marshal() ([]byte, error) {
	best := make([]shownEntry[K, S], 0, x.ranking.n)
	for key, score := range x.all {
		best = append(best, shownEntry[K, S]{key, score})
	}
	return json.Marshal(struct {
		K    *int               `json:"k"`
		Best []shownEntry[K, S] `json:"best"`
	}{x.k.shown(), best})
}

func (x *kKeys[K, S, D]) append(b []byte) []byte {
	b = appendUvarint(x.k.append(append(b, version1)), uint64(x.ranking.n))
	for key, score := range x.all {
		b = appendElement(appendElement(b, score), key)
	}
	return b
}

func (x *kKeys[K, S, D]) decode(typ string, data []byte) error {
	r := open(typ, data)
	y := kKeys[K, S, D]{k: readLimit(&r)}
	n := r.count(2)
	if y.k.exceeded(n) {
		r.corrupt("there are more keys than the limit allows")
	}
	for ; n > 0 && r.err == nil; n-- {
		var e entry[K, S, D]
		e.score = readElement[S](&r)
		e.key = readElement[K](&r)
		if last := y.ranking.last(); last != nil && (*last).compare(e) >= 0 {
			r.corrupt("keys are not in order")
		}
		if y.scores.find(scored[K, S]{key: e.key}) != nil {
			r.corrupt("a key is there twice")
		}
		y.add(e)
	}
	if err := r.close(); err != nil {
		return err
	}
	*x = y
	return nil
}
