package operators

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
)

// TopOf keeps, for each key and window, the k values with the largest scores, where the score of a value is the largest that a record
// gave it; the smaller value wins a tie. The k-th score only rises: ask [crdt.KthScoreAtLeast] and [crdt.BestScoreAtLeast] before the
// seal, and read which ones they are behind it. Each record costs O(log k), and the state takes k values.
//
// TopOf ranks what the records of one key are of; [TopK] ranks keys, by what is known of each once it is sealed.
func TopOf[K Key, T any, S, V Key](name string, in Keyed[K, T], k int, score func(T) S, of func(T) V) Growing[K, crdt.TopK[V, S]] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "top-of")
	if n == nil {
		return Growing[K, crdt.TopK[V, S]]{}
	}
	requireFunc(n, score == nil || of == nil)
	requireLimit(n, k)
	ownV, ownS := plan.KeyCodecOf[V]().Own, plan.KeyCodecOf[S]().Own
	type top = crdt.TopK[V, S]
	fold[K, T, scored[V, S], top, *top](n, name, scoring(score, of), scoredCodec[V, S](), joined[top, scored[V, S]](func(dst *top, c *scored[V, S]) bool {
		if dst.K() == 0 {
			*dst = crdt.NewTopK[V, S](k)
		}
		delta := dst.Add(ownV(c.Key), ownS(c.Score))
		return delta.Len() > 0
	}))
	return plan.NewGrowing[K, top](n)
}

// BottomOf is [TopOf] for the smallest scores: ask [crdt.KthScoreAtMost] and [crdt.BestScoreAtMost] before the seal.
func BottomOf[K Key, T any, S, V Key](name string, in Keyed[K, T], k int, score func(T) S, of func(T) V) Growing[K, crdt.BottomK[V, S]] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "bottom-of")
	if n == nil {
		return Growing[K, crdt.BottomK[V, S]]{}
	}
	requireFunc(n, score == nil || of == nil)
	requireLimit(n, k)
	ownV, ownS := plan.KeyCodecOf[V]().Own, plan.KeyCodecOf[S]().Own
	type bottom = crdt.BottomK[V, S]
	fold[K, T, scored[V, S], bottom, *bottom](n, name, scoring(score, of), scoredCodec[V, S](), joined[bottom, scored[V, S]](func(dst *bottom, c *scored[V, S]) bool {
		if dst.K() == 0 {
			*dst = crdt.NewBottomK[V, S](k)
		}
		delta := dst.Add(ownV(c.Key), ownS(c.Score))
		return delta.Len() > 0
	}))
	return plan.NewGrowing[K, bottom](n)
}

// requireLimit records a mistake unless a limit is positive; it is part of the fingerprint.
func requireLimit(n *plan.Node, limit int) {
	if limit <= 0 {
		n.Graph().Fail(n.Site, "%s: the limit must be positive, not %d", n.Op, limit)
	}
	n.Detail = fmt.Sprintf("at most %d", limit)
}
