package crdt

import "iter"

// TopK has the k keys with the largest scores, where the score of a key is the largest that was seen for it. The order is total: by score, the
// largest first, then by key, the smallest first. It merges by the larger score of each key, and keeps the first k. The zero
// TopK has seen none.
//
// A key that is dropped loses its score, and that does no harm, as scores only rise: k keys were better, and still are; when it comes back
// with a score that is larger, that alone counts. Scores that are summed would not come back right. So a score is something
// that is itself a maximum, such as a value or a count that the owner of the key reports as it grows.
//
// K belongs to the value, and two that differ merge to the smaller one. Make every copy by [NewTopK] with the same k. The
// zero TopK states none; it takes the k of what is merged into it, and keeps everything until then.
//
// Class of reads: that the k-th best score is at least s is an UpSet, [KthScoreAtLeast]; that the best is at least s, too,
// [BestScoreAtLeast]. Which keys are among the k is not monotone: a better one pushes another out. Read All after a seal.
//
// TopK has no Decompose, for the reason given at [MaxK]. Delta is the least that gives the same merge.
//
// It takes two K and two S for each key, and up to two thirds more if they come in no order: up to 53 bytes if each has 8. Use
// [Clone] to copy one.
type TopK[K, S Ordered] struct {
	keys kKeys[K, S, highest]
}

// NewTopK returns a TopK for k keys, which has seen none. If k is below 1 it states no limit: it is the bottom.
func NewTopK[K, S Ordered](k int) (t TopK[K, S]) {
	t.keys.limit(limitOf(k))
	return t
}

// Add observes a score of key and returns the delta: these two, or bottom if the key had that score, or is not among the
// k best. O(log k), and O(1) for a score that is too small.
func (t *TopK[K, S]) Add(key K, score S) (delta TopK[K, S]) {
	return TopK[K, S]{t.keys.observe(key, score)}
}

// K returns the limit; 0 if none is known.
func (t *TopK[K, S]) K() int { return int(t.keys.k) }

// Len returns the number of keys kept.
func (t *TopK[K, S]) Len() int { return t.keys.ranking.n }

// All yields the keys kept with their scores, the best first. It is not monotone: read it after a seal. The TopK must not change
// meanwhile.
func (t *TopK[K, S]) All() iter.Seq2[K, S] { return t.keys.all }

// KthScoreAtLeast holds once k keys with scores of s or more have been seen, where k is that of the TopK.
func KthScoreAtLeast[K, S Ordered](s S) UpSet[TopK[K, S]] {
	return UpSet[TopK[K, S]]{
		name:  "k-th score >= " + elementName(s),
		holds: func(t *TopK[K, S]) bool { return t.keys.reached(s) },
	}
}

// BestScoreAtLeast holds once a score of s or more has been seen.
func BestScoreAtLeast[K, S Ordered](s S) UpSet[TopK[K, S]] {
	return UpSet[TopK[K, S]]{
		name:  "best score >= " + elementName(s),
		holds: func(t *TopK[K, S]) bool { return t.keys.bestReached(s) },
	}
}

// Merge takes the larger score of each key, and the smaller k, and reports whether t grew. It stops at the first key that is
// not among the k best. O(n log k) for n keys before that.
func (t *TopK[K, S]) Merge(other *TopK[K, S]) (grew bool) { return t.keys.merge(&other.keys) }

// Delta returns the keys and scores of t that are in its merge with since but not in since: no other value that gives the
// same merge has fewer. It has the k of t. O((n+m) log k) for n keys here and m there.
func (t *TopK[K, S]) Delta(since *TopK[K, S]) TopK[K, S] {
	return TopK[K, S]{t.keys.delta(&since.keys)}
}

// MarshalJSON shows k, which is null if none is known, and the keys with their scores, the best first.
func (t TopK[K, S]) MarshalJSON() ([]byte, error) { return t.keys.marshal() }

// Encoding, version 1:
//
//	TopK   version | k | n | (score | key) * n      all elements; best first, each key once; k is 0 if there is no limit,
//	                                                else n is at most k

// AppendBinary appends the encoding of t to b. The error is always nil.
func (t *TopK[K, S]) AppendBinary(b []byte) ([]byte, error) { return t.keys.append(b), nil }

// UnmarshalBinary replaces t with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], t is as before.
func (t *TopK[K, S]) UnmarshalBinary(data []byte) error { return t.keys.decode("TopK", data) }
