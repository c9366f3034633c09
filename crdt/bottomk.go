package crdt

import "iter"

// BottomK has the k keys with the smallest scores, where the score of a key is the smallest that was seen for it, as in shortest distances.
// The order is total: by score, the smallest first, then by key, the smallest first. It is [TopK] with the order of scores
// turned round: what is said there of k, of dropped keys, of deltas and of memory holds here.
//
// Class of reads: that the k-th best score is at most s is an UpSet, [KthScoreAtMost]; that the best is at most s, too,
// [BestScoreAtMost]. Which keys are among the k is not monotone. Read All after a seal.
type BottomK[K, S Ordered] struct {
	keys kKeys[K, S, lowest]
}

// NewBottomK returns a BottomK for k keys, which has seen none. If k is below 1 it states no limit: it is the bottom.
func NewBottomK[K, S Ordered](k int) (t BottomK[K, S]) {
	t.keys.limit(limitOf(k))
	return t
}

// Add observes a score of key and returns the delta: these two, or bottom if the key had that score, or is not among the
// k best. O(log k), and O(1) for a score that is too large.
func (t *BottomK[K, S]) Add(key K, score S) (delta BottomK[K, S]) {
	return BottomK[K, S]{t.keys.observe(key, score)}
}

// K returns the limit; 0 if none is known.
func (t *BottomK[K, S]) K() int { return int(t.keys.k) }

// Len returns the number of keys kept.
func (t *BottomK[K, S]) Len() int { return t.keys.ranking.n }

// All yields the keys kept with their scores, the smallest first. It is not monotone: read it after a seal. The BottomK must not
// change meanwhile.
func (t *BottomK[K, S]) All() iter.Seq2[K, S] { return t.keys.all }

// KthScoreAtMost holds once k keys with scores of s or less have been seen, where k is that of the BottomK.
func KthScoreAtMost[K, S Ordered](s S) UpSet[BottomK[K, S]] {
	return UpSet[BottomK[K, S]]{
		name:  "k-th score <= " + elementName(s),
		holds: func(t *BottomK[K, S]) bool { return t.keys.reached(s) },
	}
}

// BestScoreAtMost holds once a score of s or less has been seen.
func BestScoreAtMost[K, S Ordered](s S) UpSet[BottomK[K, S]] {
	return UpSet[BottomK[K, S]]{
		name:  "best score <= " + elementName(s),
		holds: func(t *BottomK[K, S]) bool { return t.keys.bestReached(s) },
	}
}

// Merge takes the smaller score of each key, and the smaller k, and reports whether t changed, that is, grew in the order of the
// lattice. Its cost is that of [TopK.Merge].
func (t *BottomK[K, S]) Merge(other *BottomK[K, S]) (grew bool) { return t.keys.merge(&other.keys) }

// Delta returns the keys and scores of t that are in its merge with since but not in since, with the k of t. Its cost is that of [TopK.Delta].
func (t *BottomK[K, S]) Delta(since *BottomK[K, S]) BottomK[K, S] {
	return BottomK[K, S]{t.keys.delta(&since.keys)}
}

// MarshalJSON shows k, which is null if none is known, and the keys with their scores, the best first.
func (t BottomK[K, S]) MarshalJSON() ([]byte, error) { return t.keys.marshal() }

// Encoding, version 1:
//
//	BottomK   version | k | n | (score | key) * n      all elements; best first, each key once; k is 0 if there is no limit,
//	                                                   else n is at most k

// AppendBinary appends the encoding of t to b. The error is always nil.
func (t *BottomK[K, S]) AppendBinary(b []byte) ([]byte, error) { return t.keys.append(b), nil }

// UnmarshalBinary replaces t with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], t is as before.
func (t *BottomK[K, S]) UnmarshalBinary(data []byte) error { return t.keys.decode("BottomK", data) }
