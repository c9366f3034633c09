package crdt

import (
	"fmt"
	"iter"
	"strconv"
)

// Relation is a query from a state L to a set of rows T, in which a row that is there once stays. It is built from sources
// ([Elements], [AddedElements], [RemovedElements], [MapKeys], [Unnest], [RowsOf]) by selection, projection, union, intersection and join, all of which are
// monotone, so that every Relation is ("Keep CALM and CRDT On" §3.2). What is not monotone (difference, exact counts and
// sums, groups) is no Relation but a [NonMonotone] query, which waits for a seal.
//
// There is no way to look at the rows of a state that still grows, but questions about them: CountAtLeast, SumAtLeast,
// Contains, and the lower bounds Size, Total, [MaxOver] and [MinOver].
//
// A row is compared with ==. It must be made of integers, strings, booleans, and structs and arrays of those: no floats (NaN
// is not equal to itself), no pointers, no interfaces. Functions of rows must depend on nothing but the row;
// their names are for plans, which cannot see what a function does.
//
// A query evaluates its relations anew. The cost of each operator, besides what it reads, is stated there.
// The zero Relation has no rows.
type Relation[L any, T comparable] struct {
	name string
	// rows calls yield for each row, in an order that only depends on the value of the state, until yield returns false.
	// It may repeat rows if not distinct.
	rows     func(state *L, yield func(T) bool)
	distinct bool
}

// each calls yield for each row once. O(rows) memory, unless rows come distinct.
func (r Relation[L, T]) each(state *L, yield func(T) bool) {
	switch {
	case r.rows == nil:
	case r.distinct:
		r.rows(state, yield)
	default:
		seen := map[T]struct{}{}
		r.rows(state, func(x T) bool {
			if _, again := seen[x]; again {
				return true
			}
			seen[x] = struct{}{}
			return yield(x)
		})
	}
}

func (r Relation[L, T]) collect(state *L) (rows []T) {
	r.each(state, func(x T) bool {
		rows = append(rows, x)
		return true
	})
	return rows
}

func (r Relation[L, T]) set(state *L) map[T]struct{} {
	set := map[T]struct{}{}
	if r.rows != nil {
		r.rows(state, func(x T) bool {
			set[x] = struct{}{}
			return true
		})
	}
	return set
}

// String returns the name of the relation for plans.
func (r Relation[L, T]) String() string {
	if r.rows == nil {
		return "no rows"
	}
	return r.name
}

// Elements has a row for each element of a set.
func Elements[T Ordered]() Relation[GSet[T], T] {
	return Relation[GSet[T], T]{name: "elements", distinct: true, rows: func(s *GSet[T], yield func(T) bool) {
		for e := range s.elements.all {
			if !yield(e.k) {
				return
			}
		}
	}}
}

// AddedElements has a row for each element that was ever added to a two-phase set: its A.
func AddedElements[T Ordered]() Relation[TwoPhaseSet[T], T] {
	return Relation[TwoPhaseSet[T], T]{name: "ever added", distinct: true, rows: func(s *TwoPhaseSet[T], yield func(T) bool) {
		for e := range s.elements.all {
			if !yield(e.k) {
				return
			}
		}
	}}
}

// RemovedElements has a row for each element that was removed from a two-phase set: its R. What is in the set is the difference,
// AddedElements minus RemovedElements, which waits for a seal.
func RemovedElements[T Ordered]() Relation[TwoPhaseSet[T], T] {
	return Relation[TwoPhaseSet[T], T]{name: "ever removed", distinct: true, rows: func(s *TwoPhaseSet[T], yield func(T) bool) {
		for e := range s.elements.all {
			if e.v && !yield(e.k) {
				return
			}
		}
	}}
}

// MapKeys has a row for each key of a map.
func MapKeys[K Ordered, V any, P Lattice[V]]() Relation[Map[K, V, P], K] {
	return Relation[Map[K, V, P], K]{name: "keys", distinct: true, rows: func(m *Map[K, V, P], yield func(K) bool) {
		for e := range m.entries.all {
			if !yield(e.k) {
				return
			}
		}
	}}
}

// Row is a row of two parts.
type Row[A, B comparable] struct {
	First  A
	Second B
}

// Unnest has, for each key of a map and each row that inner has for its value, a row of the two.
func Unnest[K Ordered, V any, P Lattice[V], T comparable](inner Relation[V, T]) Relation[Map[K, V, P], Row[K, T]] {
	return Relation[Map[K, V, P], Row[K, T]]{
		name:     "(" + inner.String() + ") of each key",
		distinct: true, // of each value they are, and keys differ
		rows: func(m *Map[K, V, P], yield func(Row[K, T]) bool) {
			more := true
			for e := range m.entries.all {
				inner.each(&e.v, func(x T) bool {
					more = yield(Row[K, T]{e.k, x})
					return more
				})
				if !more {
					return
				}
			}
		},
	}
}

// RowsOf has a row for each element of the set that f makes of the state.
func RowsOf[L any, T Ordered](f Monotonic[L, GSet[T]]) Relation[L, T] {
	return ComposeRelation(f, Elements[T]())
}

// AssertRelation is the way out for states that the other sources do not know: the caller asserts that each row of a state is a row
// of every state above it. Nothing checks that at run time. Plans show it as asserted.
//
// The rows must depend on nothing but the state, come in an order that does not depend on anything else either, and may repeat.
// Neither change nor keep the state. A nil function has no rows.
func AssertRelation[L any, T comparable](name string, rows func(state *L) iter.Seq[T]) Relation[L, T] {
	if rows == nil {
		return Relation[L, T]{}
	}
	return Relation[L, T]{
		name: "asserted relation " + strconv.Quote(name),
		rows: func(state *L, yield func(T) bool) { rows(state)(yield) },
	}
}

// Select has the rows for which keep is true.
func (r Relation[L, T]) Select(name string, keep func(T) bool) Relation[L, T] {
	return Relation[L, T]{name: where(r.String(), name), distinct: r.distinct, rows: func(state *L, yield func(T) bool) {
		if r.rows != nil {
			r.rows(state, func(x T) bool { return !keep(x) || yield(x) })
		}
	}}
}

// Project has f of each row.
func Project[L any, T, U comparable](r Relation[L, T], name string, f func(T) U) Relation[L, U] {
	return Relation[L, U]{name: inside(name, r.String()), rows: func(state *L, yield func(U) bool) {
		if r.rows != nil {
			r.rows(state, func(x T) bool { return yield(f(x)) })
		}
	}}
}

// Union has the rows of both.
func (r Relation[L, T]) Union(other Relation[L, T]) Relation[L, T] {
	return Relation[L, T]{name: between(r.String(), "union", other.String()), rows: func(state *L, yield func(T) bool) {
		more := true
		for _, one := range []Relation[L, T]{r, other} {
			if more && one.rows != nil {
				one.rows(state, func(x T) bool {
					more = yield(x)
					return more
				})
			}
		}
	}}
}

// Intersect has the rows that are in both. It holds the rows of other meanwhile.
func (r Relation[L, T]) Intersect(other Relation[L, T]) Relation[L, T] {
	return Relation[L, T]{
		name: between(r.String(), "intersect", other.String()), distinct: r.distinct,
		rows: func(state *L, yield func(T) bool) {
			theirs := other.set(state)
			if len(theirs) == 0 || r.rows == nil {
				return
			}
			r.rows(state, func(x T) bool {
				_, both := theirs[x]
				return !both || yield(x)
			})
		},
	}
}

// JoinOn has a row for each pair of rows of left and right that have the same key. It holds the rows of right meanwhile.
// Each pair costs a step: keys that are shared by many rows of both are dear.
func JoinOn[L any, A, B, K comparable](
	left Relation[L, A], right Relation[L, B], name string, keyOfLeft func(A) K, keyOfRight func(B) K,
) Relation[L, Row[A, B]] {
	return Relation[L, Row[A, B]]{
		name: between(left.String(), "join on "+name, right.String()), distinct: true,
		rows: func(state *L, yield func(Row[A, B]) bool) {
			// The rows of right with one key are a chain: from[key], next of that, and so on; 0 ends it.
			rows := right.collect(state)
			from, next := make(map[K]int, len(rows)), make([]int, len(rows)+1)
			for i := len(rows); i > 0; i-- {
				k := keyOfRight(rows[i-1])
				next[i], from[k] = from[k], i
			}
			if len(rows) == 0 {
				return
			}
			left.each(state, func(a A) bool {
				for i := from[keyOfLeft(a)]; i > 0; i = next[i] {
					if !yield(Row[A, B]{a, rows[i-1]}) {
						return false
					}
				}
				return true
			})
		},
	}
}

// GroupsAtLeast has the keys that n rows or more have: HAVING count(*) >= n. It holds a count for each key meanwhile.
// With n < 1 that is the keys that a row has, as with 1.
func GroupsAtLeast[L any, T, K comparable](r Relation[L, T], name string, key func(T) K, n int) Relation[L, K] {
	n = max(n, 1)
	return Relation[L, K]{
		name: fmt.Sprintf("%s with count >= %d", inside(name, r.String()), n), distinct: true,
		rows: func(state *L, yield func(K) bool) {
			counts := map[K]int{}
			r.each(state, func(x T) bool {
				k := key(x)
				counts[k]++
				return counts[k] != n || yield(k)
			})
		},
	}
}

func where(of, name string) string { return "(" + of + ") where " + name }

func between(left, word, right string) string { return "(" + left + ") " + word + " (" + right + ")" }
