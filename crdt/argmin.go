package crdt

import (
	"encoding/json"
	"iter"
)

// ArgMin is the smallest score seen, with its key. It merges by the smaller score; of equal scores it keeps the
// smaller key, as [ArgMax] does. The zero ArgMin has seen none.
//
// Class of reads: the score only falls; ask it downward, with [ScoreAtMost]. The key is not monotone: a smaller score brings another. Read
// Best after a seal.
//
// Its size is that of S and K and one byte, padded, and it needs no other memory. Plain copies are independent.
type ArgMin[S, K Ordered] struct {
	best bestEntry[K, S, lowest]
}

// ArgMinOf returns an ArgMin that has seen key with score.
func ArgMinOf[S, K Ordered](score S, key K) (a ArgMin[S, K]) {
	a.Add(score, key)
	return a
}

// Add observes a score of key and returns the delta: these two, or bottom if they changed nothing.
func (a *ArgMin[S, K]) Add(score S, key K) (delta ArgMin[S, K]) {
	return ArgMin[S, K]{a.best.add(score, key)}
}

// Best returns the smallest score and its key; ok is false if there is none. It is not monotone: read it after a seal.
func (a *ArgMin[S, K]) Best() (score S, key K, ok bool) { return a.best.score, a.best.key, a.best.seen }

// ScoreAtMost holds once a score of s or less has been seen.
func ScoreAtMost[S, K Ordered](s S) UpSet[ArgMin[S, K]] {
	return UpSet[ArgMin[S, K]]{
		name:  "best score <= " + elementName(s),
		holds: func(a *ArgMin[S, K]) bool { return a.best.reached(s) },
	}
}

// Merge takes the smaller score, or the smaller key of equal scores, and reports whether a changed, that is, grew in the
// order of the lattice.
func (a *ArgMin[S, K]) Merge(other *ArgMin[S, K]) (grew bool) { return a.best.merge(&other.best) }

// Decompose yields a: any two values are one below the other, so that none comes apart.
func (a *ArgMin[S, K]) Decompose() iter.Seq[ArgMin[S, K]] {
	return func(yield func(ArgMin[S, K]) bool) {
		if a.best.seen {
			yield(*a)
		}
	}
}

// Delta returns a, or bottom if a is below since.
func (a *ArgMin[S, K]) Delta(since *ArgMin[S, K]) (delta ArgMin[S, K]) {
	if was := *since; was.Merge(a) {
		return *a
	}
	return delta
}

// MarshalJSON shows the score and its key, or null.
func (a ArgMin[S, K]) MarshalJSON() ([]byte, error) { return json.Marshal(a.best.shown()) }

// Encoding, version 1:
//
//	ArgMin   version | (score | key)?      both elements; none: bottom

// AppendBinary appends the encoding of a to b. The error is always nil.
func (a *ArgMin[S, K]) AppendBinary(b []byte) ([]byte, error) { return a.best.append(b), nil }

// UnmarshalBinary replaces a with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], a is as before.
func (a *ArgMin[S, K]) UnmarshalBinary(data []byte) error { return a.best.decode("ArgMin", data) }
