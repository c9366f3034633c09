package crdt

import (
	"encoding/json"
	"iter"
)

// ArgMax is the largest score seen, with its key. It merges by the larger score; of equal scores it keeps the
// smaller key, so that the outcome does not depend on who came first. The zero ArgMax has seen none.
//
// Class of reads: the score only rises; ask it upward, with [ScoreAtLeast]. The key is not monotone: a larger score brings another. Read
// Best after a seal.
//
// Its size is that of S and K and one byte, padded, and it needs no other memory. Plain copies are independent.
type ArgMax[S, K Ordered] struct {
	best bestEntry[K, S, highest]
}

// ArgMaxOf returns an ArgMax that has seen key with score.
func ArgMaxOf[S, K Ordered](score S, key K) (a ArgMax[S, K]) {
	a.Add(score, key)
	return a
}

// Add observes a score of key and returns the delta: these two, or bottom if they changed nothing.
func (a *ArgMax[S, K]) Add(score S, key K) (delta ArgMax[S, K]) {
	return ArgMax[S, K]{a.best.add(score, key)}
}

// Best returns the largest score and its key; ok is false if there is none. It is not monotone: read it after a seal.
func (a *ArgMax[S, K]) Best() (score S, key K, ok bool) { return a.best.score, a.best.key, a.best.seen }

// ScoreAtLeast holds once a score of s or more has been seen.
func ScoreAtLeast[S, K Ordered](s S) UpSet[ArgMax[S, K]] {
	return UpSet[ArgMax[S, K]]{
		name:  "best score >= " + elementName(s),
		holds: func(a *ArgMax[S, K]) bool { return a.best.reached(s) },
	}
}

// Merge takes the larger score, or the smaller key of equal scores, and reports whether a grew.
func (a *ArgMax[S, K]) Merge(other *ArgMax[S, K]) (grew bool) { return a.best.merge(&other.best) }

// Decompose yields a: any two values are one below the other, so that none comes apart.
func (a *ArgMax[S, K]) Decompose() iter.Seq[ArgMax[S, K]] {
	return func(yield func(ArgMax[S, K]) bool) {
		if a.best.seen {
			yield(*a)
		}
	}
}

// Delta returns a, or bottom if a is below since.
func (a *ArgMax[S, K]) Delta(since *ArgMax[S, K]) (delta ArgMax[S, K]) {
	if was := *since; was.Merge(a) {
		return *a
	}
	return delta
}

// MarshalJSON shows the score and its key, or null.
func (a ArgMax[S, K]) MarshalJSON() ([]byte, error) { return json.Marshal(a.best.shown()) }

// Encoding, version 1:
//
//	ArgMax   version | (score | key)?      both elements; none: bottom

// AppendBinary appends the encoding of a to b. The error is always nil.
func (a *ArgMax[S, K]) AppendBinary(b []byte) ([]byte, error) { return a.best.append(b), nil }

// UnmarshalBinary replaces a with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], a is as before.
func (a *ArgMax[S, K]) UnmarshalBinary(data []byte) error { return a.best.decode("ArgMax", data) }
