package crdt_test

import (
	"maps"
	"slices"
	"strings"

	"github.com/calmstream/calmstream/crdt"
)

// What the tests of the causal types share.

// inForce returns the events whose effect no known event has taken away. An event takes away those that it overtakes,
// and that were in force where and when it was made.
func inForce[O any](known []*event[O], overtakes func(later, earlier *event[O]) bool) (left []*event[O]) {
	kills := map[*event[O]]map[*event[O]]bool{}
	var killsOf func(f *event[O]) map[*event[O]]bool
	killsOf = func(f *event[O]) map[*event[O]]bool {
		if kills[f] == nil {
			kills[f] = map[*event[O]]bool{}
			for e := range f.saw {
				alive := overtakes(f, e)
				for g := range f.saw {
					alive = alive && !killsOf(g)[e]
				}
				if alive {
					kills[f][e] = true
				}
			}
		}
		return kills[f]
	}
	for _, e := range known {
		if !slices.ContainsFunc(known, func(f *event[O]) bool { return killsOf(f)[e] }) {
			left = append(left, e)
		}
	}
	return left
}

// sawOf returns the events that were known where and when e was made.
func sawOf[O any](e *event[O]) []*event[O] { return slices.Collect(maps.Keys(e.saw)) }

// join merges values into a new one.
func join[L any, P crdt.Lattice[L]](values ...L) (all L) {
	for i := range values {
		P(&all).Merge(&values[i])
	}
	return all
}

// after makes a value by steps, each a word that apply understands: "a:…" is of origin a, what has no colon is of none.
func after[L any](steps string, apply func(x *L, origin, what string)) (x L) {
	for _, step := range strings.Fields(steps) {
		origin, what, named := strings.Cut(step, ":")
		if !named {
			origin, what = "", step
		}
		apply(&x, origin, what)
	}
	return x
}
