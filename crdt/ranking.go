package crdt

import (
	"cmp"
	"math"
)

// What MaxK, MinK, ArgMax, ArgMin, TopK and BottomK share: rankings, and states that keep the best of one.

// direction says whether high or low is good. Its types have no size: they are known when a type is made.
type direction interface{ rank(c int) int }

type (
	highest struct{}
	lowest  struct{}
)

func (highest) rank(c int) int { return -c }
func (lowest) rank(c int) int  { return c }

// ranked is a value in a ranking, whose best comes first.
type ranked[T Ordered, D direction] struct{ v T }

func (a ranked[T, D]) compare(b ranked[T, D]) int {
	var d D
	return d.rank(cmp.Compare(a.v, b.v))
}

// entry is a key in a ranking by score, whose best comes first; of equal scores, the smaller key. That is a total order, so that
// nothing depends on who came first.
type entry[K, S Ordered, D direction] struct {
	score S
	key   K
}

func (a entry[K, S, D]) compare(b entry[K, S, D]) int {
	if a.score == b.score {
		return cmp.Compare(a.key, b.key)
	}
	var d D
	return d.rank(cmp.Compare(a.score, b.score))
}

// better reports whether a comes before b in the ranking of scores alone.
func better[S Ordered, D direction](a, b S) bool {
	var d D
	return d.rank(cmp.Compare(a, b)) < 0
}

// limit is the k of a state that keeps the k best: 0 if none was stated, which is the bottom and keeps all.
//
// Limits merge to the smaller one. To keep the larger is not associative: with x and y of limit 1 and z of limit 2, the merge of x
// and y has dropped one of their values, which x merged with that of y and z still has.
type limit int

// limitOf returns the limit for k; none if k is below 1.
func limitOf(k int) limit { return limit(max(k, 0)) }

// below reports whether l says less than m, that is, whether m is a limit and smaller.
func (l limit) below(m limit) bool { return m > 0 && (l == 0 || m < l) }

// full reports whether n are as many as the limit allows.
func (l limit) full(n int) bool { return l > 0 && n >= int(l) }

func (l limit) exceeded(n int) bool { return l > 0 && n > int(l) }

// shown is the limit for JSON: null if there is none.
func (l limit) shown() *int {
	if l == 0 {
		return nil
	}
	k := int(l)
	return &k
}

func (l limit) append(b []byte) []byte { return appendUvarint(b, uint64(l)) }

func readLimit(r *reader) limit {
	k := r.uvarint()
	if k > math.MaxInt {
		r.corrupt("the limit does not fit an int")
		return 0
	}
	return limit(k)
}

// bestEntry is the best entry of a ranking that was seen: what ArgMax and ArgMin are.
type bestEntry[K, S Ordered, D direction] struct {
	entry[K, S, D]
	seen bool
}

// add returns the delta.
func (x *bestEntry[K, S, D]) add(score S, key K) (delta bestEntry[K, S, D]) {
	y := bestEntry[K, S, D]{entry[K, S, D]{score, key}, true}
	if !x.merge(&y) {
		return delta
	}
	return y
}

func (x *bestEntry[K, S, D]) merge(y *bestEntry[K, S, D]) bool {
	if !y.seen || x.seen && x.compare(y.entry) <= 0 {
		return false
	}
	*x = *y
	return true
}

// reached reports whether a score of s or a better one was seen.
func (x *bestEntry[K, S, D]) reached(s S) bool { return x.seen && !better[S, D](s, x.score) }

// shownEntry is an entry in JSON.
type shownEntry[K, S Ordered] struct {
	Key   K `json:"key"`
	Score S `json:"score"`
}

func (x *bestEntry[K, S, D]) shown() *shownEntry[K, S] {
	if !x.seen {
		return nil
	}
	return &shownEntry[K, S]{x.key, x.score}
}

func (x *bestEntry[K, S, D]) append(b []byte) []byte {
	if b = append(b, version1); x.seen {
		b = appendElement(appendElement(b, x.score), x.key)
	}
	return b
}

func (x *bestEntry[K, S, D]) decode(typ string, data []byte) error {
	r := open(typ, data)
	var y bestEntry[K, S, D]
	if len(data) > 1 {
		y.score = readElement[S](&r)
		y.key = readElement[K](&r)
		y.seen = true
	}
	if err := r.close(); err != nil {
		return err
	}
	*x = y
	return nil
}
