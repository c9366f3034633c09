package crdt

import (
	"slices"
	"strconv"
	"strings"
)

// UpSet is a question about a growing state of lattice L whose yes is final. It stands for a set of states that
// with any state holds every state above it: an upward-closed set, the monotone query of "Keep CALM
// and CRDT On" §3.1. A state can only grow, so once it is in the set it stays there.
//
// The answer is yes or "not yet known", never no. There is no complement (Not): it would not be upward closed.
//
// UpSets are made by the constructors of this package only. The zero UpSet is the empty set: it never holds.
type UpSet[L any] struct {
	name  string
	holds func(state *L) bool
}

// Holds reports whether state is in the set. True is final: it holds for every later state and for the state of
// all copies merged. False means only that it is not known yet; do not branch on it.
func (u UpSet[L]) Holds(state *L) bool { return u.holds != nil && u.holds(state) }

// String returns the name of the set for plans, such as "count >= 100". Sets with equal names are equal, unless
// AssertUpSet made them.
func (u UpSet[L]) String() string {
	if u.holds == nil {
		return "never"
	}
	return u.name
}

// AtLeast holds once a counter has reached n. AtLeast(0) holds always.
func AtLeast(n uint64) UpSet[GCounter] {
	return UpSet[GCounter]{
		name:  "count >= " + strconv.FormatUint(n, 10),
		holds: func(c *GCounter) bool { return c.Value() >= n },
	}
}

// MaxAtLeast holds once a value of v or more has been seen.
func MaxAtLeast[T Ordered](v T) UpSet[Max[T]] {
	return UpSet[Max[T]]{
		name:  "max >= " + elementName(v),
		holds: func(m *Max[T]) bool { return m.seen && m.max >= v },
	}
}

// MinAtMost holds once a value of v or less has been seen.
func MinAtMost[T Ordered](v T) UpSet[Min[T]] {
	return UpSet[Min[T]]{
		name:  "min <= " + elementName(v),
		holds: func(m *Min[T]) bool { return m.seen && m.min <= v },
	}
}

// Contains holds once a set contains x.
func Contains[T Ordered](x T) UpSet[GSet[T]] {
	return UpSet[GSet[T]]{
		name:  "contains " + elementName(x),
		holds: func(s *GSet[T]) bool { return s.Contains(x) },
	}
}

// SizeAtLeast holds once a set has n elements. SizeAtLeast(0) holds always.
func SizeAtLeast[T Ordered](n int) UpSet[GSet[T]] {
	return UpSet[GSet[T]]{
		name:  "size >= " + strconv.Itoa(n),
		holds: func(s *GSet[T]) bool { return s.Len() >= n },
	}
}

// At holds once the value of key k is in u. An absent key has the bottom value, so that a u which holds always
// does so here too.
func At[K Ordered, V any, P Lattice[V]](k K, u UpSet[V]) UpSet[Map[K, V, P]] {
	return UpSet[Map[K, V, P]]{
		name: "at " + elementName(k) + " (" + u.String() + ")",
		holds: func(m *Map[K, V, P]) bool {
			if v := m.entries.find(k); v != nil {
				return u.Holds(v)
			}
			var bottom V
			return u.Holds(&bottom)
		},
	}
}

// All holds once every one of the sets does: their intersection.
//
// All of nothing holds always, for every state from the bottom on. That is allowed because it is sound (the
// set of all states is upward closed) and because it is the neutral element, so that conditions can be collected
// in a loop. Its name, "always", shows in the plan if that was not meant.
func All[L any](sets ...UpSet[L]) UpSet[L] {
	sets = slices.Clone(sets) // the caller may change its slice
	return UpSet[L]{
		name: joined(sets, " and ", "always"),
		holds: func(state *L) bool {
			for _, u := range sets {
				if !u.Holds(state) {
					return false
				}
			}
			return true
		},
	}
}

// Any holds once one of the sets does: their union. Any of nothing never holds.
func Any[L any](sets ...UpSet[L]) UpSet[L] {
	if len(sets) == 0 {
		return UpSet[L]{}
	}
	sets = slices.Clone(sets)
	return UpSet[L]{
		name: joined(sets, " or ", "never"),
		holds: func(state *L) bool {
			for _, u := range sets {
				if u.Holds(state) {
					return true
				}
			}
			return false
		},
	}
}

// AssertUpSet is the way out for questions that the constructors cannot ask: the caller asserts that holds is upward
// closed, that is, that once it is true of a state it is true of every state above it. Nothing checks that at run
// time, and answers that were called stable are retracted if it is wrong. Hold the claim to crdttest.CheckUpSet in a
// test; plans show it as asserted.
//
// The function must depend on nothing but the state, and neither change nor keep it. A nil function never holds.
func AssertUpSet[L any](name string, holds func(state *L) bool) UpSet[L] {
	return UpSet[L]{name: "asserted " + strconv.Quote(name), holds: holds}
}

// joined is the name of an intersection or a union. Brackets keep names unambiguous.
func joined[L any](sets []UpSet[L], word, none string) string {
	if len(sets) == 0 {
		return none
	}
	var b strings.Builder
	for i, u := range sets {
		if i > 0 {
			b.WriteString(word)
		}
		b.WriteString("(" + u.String() + ")")
	}
	return b.String()
}
