package operators

import (
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
)

// Max keeps the largest value of the records of each key and window. It only rises: ask [crdt.MaxAtLeast] before the seal. Each record
// costs O(1).
func Max[K Key, T any, V Key](name string, in Keyed[K, T], value func(T) V) Growing[K, crdt.Max[V]] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "max")
	if n == nil {
		return Growing[K, crdt.Max[V]]{}
	}
	requireFunc(n, value == nil)
	own := plan.KeyCodecOf[V]().Own
	fold[K, T, V, crdt.Max[V], *crdt.Max[V]](n, name, value, elementCodec[V](), joined[crdt.Max[V], V](func(dst *crdt.Max[V], v *V) bool {
		if largest, ok := dst.Value(); ok && *v <= largest {
			return false
		}
		dst.Add(own(*v))
		return true
	}))
	return plan.NewGrowing[K, crdt.Max[V]](n)
}

// Min keeps the smallest value of the records of each key and window. It only falls: ask [crdt.MinAtMost] before the seal. Each record
// costs O(1).
func Min[K Key, T any, V Key](name string, in Keyed[K, T], value func(T) V) Growing[K, crdt.Min[V]] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "min")
	if n == nil {
		return Growing[K, crdt.Min[V]]{}
	}
	requireFunc(n, value == nil)
	own := plan.KeyCodecOf[V]().Own
	fold[K, T, V, crdt.Min[V], *crdt.Min[V]](n, name, value, elementCodec[V](), joined[crdt.Min[V], V](func(dst *crdt.Min[V], v *V) bool {
		if smallest, ok := dst.Value(); ok && *v >= smallest {
			return false
		}
		dst.Add(own(*v))
		return true
	}))
	return plan.NewGrowing[K, crdt.Min[V]](n)
}

// ArgMax keeps what the record with the largest score of each key and window is of, and the score. Of equal scores the smaller of
// the two wins, so that neither order nor sharding shows. The score only rises: ask [crdt.ScoreAtLeast] before the
// seal; what it is of is known behind it. Each record costs O(1).
func ArgMax[K Key, T any, S, V Key](name string, in Keyed[K, T], score func(T) S, of func(T) V) Growing[K, crdt.ArgMax[S, V]] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "arg-max")
	if n == nil {
		return Growing[K, crdt.ArgMax[S, V]]{}
	}
	requireFunc(n, score == nil || of == nil)
	ownV, ownS := plan.KeyCodecOf[V]().Own, plan.KeyCodecOf[S]().Own
	type best = crdt.ArgMax[S, V]
	fold[K, T, scored[V, S], best, *best](n, name, scoring(score, of), scoredCodec[V, S](), joined[best, scored[V, S]](func(dst *best, c *scored[V, S]) bool {
		if s, v, ok := dst.Best(); ok && (c.Score < s || c.Score == s && c.Key >= v) {
			return false
		}
		dst.Add(ownS(c.Score), ownV(c.Key))
		return true
	}))
	return plan.NewGrowing[K, best](n)
}

// ArgMin is [ArgMax] for the smallest score, which only falls: ask [crdt.ScoreAtMost] before the seal.
func ArgMin[K Key, T any, S, V Key](name string, in Keyed[K, T], score func(T) S, of func(T) V) Growing[K, crdt.ArgMin[S, V]] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "arg-min")
	if n == nil {
		return Growing[K, crdt.ArgMin[S, V]]{}
	}
	requireFunc(n, score == nil || of == nil)
	ownV, ownS := plan.KeyCodecOf[V]().Own, plan.KeyCodecOf[S]().Own
	type best = crdt.ArgMin[S, V]
	fold[K, T, scored[V, S], best, *best](n, name, scoring(score, of), scoredCodec[V, S](), joined[best, scored[V, S]](func(dst *best, c *scored[V, S]) bool {
		if s, v, ok := dst.Best(); ok && (c.Score > s || c.Score == s && c.Key >= v) {
			return false
		}
		dst.Add(ownS(c.Score), ownV(c.Key))
		return true
	}))
	return plan.NewGrowing[K, best](n)
}

// scoring makes one function of a score and what it is of.
func scoring[T any, S, V Key](score func(T) S, of func(T) V) func(T) scored[V, S] {
	return func(record T) scored[V, S] { return scored[V, S]{Key: of(record), Score: score(record)} }
}
