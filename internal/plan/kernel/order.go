package kernel

import (
	"cmp"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
)

// rank is what an item is ordered by: first, second and key, in turn.
type rank[K plan.Key] struct {
	first, second int64
	key           K
	at            int // where the item was, which decides last
}

func (a rank[K]) compare(b rank[K]) int {
	if a.first != b.first {
		return cmp.Compare(a.first, b.first)
	}
	if a.second != b.second {
		return cmp.Compare(a.second, b.second)
	}
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.at, b.at))
}

// order sorts the items by their ranks; items of equal rank stay in their order. It returns the memory of the ranks, to
// be given to the next call. O(n log n).
//
// The ranks are sorted, not the items: a sort is long, and would be compiled for every type of item of every pipeline.
func order[K plan.Key, E any](items []E, ranks []rank[K], of func(e *E) rank[K]) []rank[K] {
	ranks = ranks[:0]
	if len(items) < 2 {
		return ranks
	}
	for i := range items {
		r := of(&items[i])
		r.at = i
		ranks = append(ranks, r)
	}
	slices.SortFunc(ranks, rank[K].compare)
	for i := range ranks {
		follow(items, ranks, i)
	}
	clear(ranks) // keys are not kept alive
	return ranks[:0]
}

// follow moves the items of the cycle that begins at i to where their ranks are.
func follow[K plan.Key, E any](items []E, ranks []rank[K], i int) {
	if ranks[i].at == i {
		return
	}
	first := items[i]
	for {
		from := ranks[i].at
		ranks[i].at = i
		if ranks[from].at == from {
			items[i] = first
			return
		}
		items[i] = items[from]
		i = from
	}
}

// insertAt inserts e at i and returns the slice, as slices.Insert does for one element, in fewer instructions.
func insertAt[E any](s []E, i int, e E) []E {
	var zero E
	s = append(s, zero)
	copy(s[i+1:], s[i:])
	s[i] = e
	return s
}
