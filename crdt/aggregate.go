package crdt

import (
	"fmt"
	"strconv"
)

// Aggregates of relations. Those that only grow with the rows are thresholds and lower bounds; the others are exact, and
// wait for a seal.

// CountAtLeast holds once there are n rows or more. It stops at the n-th. With n < 1 it holds always.
func (r Relation[L, T]) CountAtLeast(n int) UpSet[L] {
	return UpSet[L]{
		name: inside("count", r.String()) + " >= " + strconv.Itoa(n),
		holds: func(state *L) bool {
			left := n
			if left > 0 {
				r.each(state, func(T) bool {
					left--
					return left > 0
				})
			}
			return left <= 0
		},
	}
}

// SumAtLeast holds once the terms of the rows add up to n or more. Terms are unsigned: with negative ones a sum could fall. It
// stops at the row that reaches n. With n = 0 it holds always.
func (r Relation[L, T]) SumAtLeast(name string, term func(T) uint64, n uint64) UpSet[L] {
	return UpSet[L]{
		name: sumOf(name, r.String()) + " >= " + strconv.FormatUint(n, 10),
		holds: func(state *L) bool {
			sum := uint64(0)
			if n > 0 {
				r.each(state, func(x T) bool {
					sum = saturatingAdd(sum, term(x))
					return sum < n
				})
			}
			return sum >= n
		},
	}
}

// Contains holds once x is a row.
func (r Relation[L, T]) Contains(x T) UpSet[L] {
	return UpSet[L]{
		name: fmt.Sprintf("(%s) contains %#v", r, x),
		holds: func(state *L) (found bool) {
			if r.rows != nil {
				r.rows(state, func(y T) bool {
					found = x == y
					return !found
				})
			}
			return found
		},
	}
}

// Size is the number of rows, as a lower bound.
func (r Relation[L, T]) Size() Monotone[L, Max[uint64]] {
	return monotone(inside("count", r.String()), func(state *L) Max[uint64] {
		n := uint64(0)
		r.each(state, func(T) bool {
			n++
			return true
		})
		return MaxOf(n)
	})
}

// Total is the sum of the terms of the rows, as a lower bound. It saturates at the largest uint64.
func (r Relation[L, T]) Total(name string, term func(T) uint64) Monotone[L, Max[uint64]] {
	return monotone(sumOf(name, r.String()), func(state *L) Max[uint64] {
		sum := uint64(0)
		r.each(state, func(x T) bool {
			sum = saturatingAdd(sum, term(x))
			return true
		})
		return MaxOf(sum)
	})
}

// MaxOver is the largest score of the rows, as a lower bound. [MaxAtLeast] makes a threshold of it:
// ComposeUpSet(MaxOver(r, name, score), MaxAtLeast(v)).
func MaxOver[L any, T comparable, N Ordered](r Relation[L, T], name string, score func(T) N) Monotone[L, Max[N]] {
	return monotone(inside("max "+name, r.String()), func(state *L) (m Max[N]) {
		if r.rows != nil {
			r.rows(state, func(x T) bool {
				m.Add(score(x))
				return true
			})
		}
		return m
	})
}

// MinOver is the smallest score of the rows, which falls as rows come.
func MinOver[L any, T comparable, N Ordered](r Relation[L, T], name string, score func(T) N) Monotone[L, Min[N]] {
	return monotone(inside("min "+name, r.String()), func(state *L) (m Min[N]) {
		if r.rows != nil {
			r.rows(state, func(x T) bool {
				m.Add(score(x))
				return true
			})
		}
		return m
	})
}

// SetOf is the rows as a set, for rows of one integer or string.
func SetOf[L any, T Ordered](r Relation[L, T]) Monotone[L, GSet[T]] {
	return monotone(inside("set", r.String()), func(state *L) (s GSet[T]) {
		if r.rows != nil {
			r.rows(state, func(x T) bool {
				s.insert(x)
				return true
			})
		}
		return s
	})
}

// Rows is the exact list of the rows, each once.
func (r Relation[L, T]) Rows() NonMonotone[L, []T] {
	return ExactRead(inside("rows", r.String()), r.collect)
}

// Minus is the rows that other does not have. It is not monotone in other: the potato and the Ferrari of "Keep CALM and
// CRDT On", example 1.
func (r Relation[L, T]) Minus(other Relation[L, T]) NonMonotone[L, []T] {
	return ExactRead(between(r.String(), "minus", other.String()), func(state *L) (rows []T) {
		theirs := other.set(state)
		r.each(state, func(x T) bool {
			if _, both := theirs[x]; !both {
				rows = append(rows, x)
			}
			return true
		})
		return rows
	})
}

// Count is the exact number of rows.
func (r Relation[L, T]) Count() NonMonotone[L, int] {
	return ExactRead(inside("exact count", r.String()), func(state *L) (n int) {
		r.each(state, func(T) bool {
			n++
			return true
		})
		return n
	})
}

// Sum is the exact sum of the terms of the rows, which may be negative. A sum that does not fit is the nearest that does.
func (r Relation[L, T]) Sum(name string, term func(T) int64) NonMonotone[L, int64] {
	return ExactRead("exact "+sumOf(name, r.String()), func(state *L) int64 {
		var sum sum128
		r.each(state, func(x T) bool {
			sum.add(term(x))
			return true
		})
		nearest, _ := sum.int64()
		return nearest
	})
}

// Grouped is the result for the rows that have a key.
type Grouped[K comparable, R any] struct {
	Key   K
	Value R
}

// GroupBy is the exact result of an aggregate over the rows of each key, in the order in which the keys first occur. The aggregate
// may be any function of the rows; they are in the order of the relation, and its to keep. Where a threshold on the count of
// a group is enough, [GroupsAtLeast] needs no seal.
func GroupBy[L any, T, K comparable, R any](
	r Relation[L, T], name string, key func(T) K, aggregate func(rows []T) R,
) NonMonotone[L, []Grouped[K, R]] {
	return ExactRead("("+r.String()+") grouped by "+name, func(state *L) []Grouped[K, R] {
		var keys []K
		rows := map[K][]T{}
		r.each(state, func(x T) bool {
			k := key(x)
			if _, known := rows[k]; !known {
				keys = append(keys, k)
			}
			rows[k] = append(rows[k], x)
			return true
		})
		groups := make([]Grouped[K, R], len(keys))
		for i, k := range keys {
			groups[i] = Grouped[K, R]{k, aggregate(rows[k])}
		}
		return groups
	})
}

func sumOf(name, of string) string { return inside("sum of "+name, of) }
