package sketch_test

import (
	"reflect"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

// event is an operation in a random history of several replicas.
type event[O any] struct {
	op     O
	origin string
}

// history says how to test a type against a naive reference over random histories.
type history[L, O, V any] struct {
	// ops draws operations that are made one after the other, and whose deltas travel as one.
	ops   *rapid.Generator[[]O]
	apply func(x *L, origin string, op O) (delta L)
	read  func(x *L) V
	// reference computes what is read from the operations that a replica knows, in the simplest way.
	reference func(known []event[O]) V
	// carries says that the delta of an operation holds an earlier one of the same origin too; nil if none does.
	carries func(earlier, op O) bool
}

type replica[L any] struct {
	state L
	knows map[int]bool // indices of events
}

type parcel[L any] struct {
	delta L
	holds []int
}

// checkHistory makes operations at three replicas, whose deltas are lost, duplicated, reordered and batched, and whose full
// states are exchanged now and then. After each step the replica must show what the reference says of the events that
// it knows; in the end, when all have heard of all, all must be equal.
func checkHistory[L, O, V any, P crdt.Lattice[L]](t *testing.T, h history[L, O, V]) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		var replicas [3]replica[L]
		for i := range replicas {
			replicas[i].knows = map[int]bool{}
		}
		var events []event[O]
		var parcels []parcel[L] // each may be heard never, once or often
		hear := func(at *replica[L], p parcel[L]) {
			P(&at.state).Merge(&p.delta)
			for _, e := range p.holds {
				at.knows[e] = true
			}
		}
		compare := func(at *replica[L]) {
			var known []event[O]
			for i, e := range events {
				if at.knows[i] {
					known = append(known, e)
				}
			}
			if got, want := h.read(&at.state), h.reference(known); !reflect.DeepEqual(got, want) {
				t.Fatalf("a replica shows %v, want %v from %v", got, want, known)
			}
		}
		full := func(from *replica[L]) (p parcel[L]) {
			p.delta = crdt.Clone[L, P](&from.state)
			for e := range from.knows {
				p.holds = append(p.holds, e)
			}
			return p
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			i := rapid.IntRange(0, 2).Draw(t, "replica")
			at := &replicas[i]
			parcelOf := func(name string) parcel[L] { return parcels[rapid.IntRange(0, len(parcels)-1).Draw(t, name)] }
			switch step := rapid.SampledFrom([]string{"make", "make", "make", "hear", "hear", "batch", "sync"}).Draw(t, "step"); {
			case step == "make":
				var p parcel[L]
				for _, op := range h.ops.Draw(t, "ops") {
					e := event[O]{op, string(rune('a' + i))}
					delta := h.apply(&at.state, e.origin, e.op)
					if P(&p.delta).Merge(&delta) { // else the operation says nothing that was not known
						p.holds = append(p.holds, len(events))
						for k, earlier := range events {
							if h.carries != nil && earlier.origin == e.origin && h.carries(earlier.op, e.op) {
								p.holds = append(p.holds, k)
							}
						}
					}
					at.knows[len(events)] = true
					events = append(events, e)
				}
				parcels = append(parcels, p)
			case step == "sync":
				hear(at, full(&replicas[rapid.IntRange(0, 2).Draw(t, "from")]))
			case len(parcels) == 0:
			case step == "hear":
				hear(at, parcelOf("parcel"))
			case step == "batch":
				both := replica[L]{knows: map[int]bool{}}
				hear(&both, parcelOf("first"))
				hear(&both, parcelOf("second"))
				parcels = append(parcels, full(&both))
			}
			compare(at)
		}
		for i := range replicas {
			for j := range replicas {
				hear(&replicas[i], full(&replicas[j]))
			}
			for k := range parcels {
				hear(&replicas[i], parcels[(k+i)%len(parcels)])
			}
		}
		for i := range replicas { // the first heard of what the others knew before they heard
			for j := range replicas {
				hear(&replicas[i], full(&replicas[j]))
			}
			compare(&replicas[i])
			if got, want := encode[L, P](t, &replicas[i].state), encode[L, P](t, &replicas[0].state); got != want {
				t.Fatalf("replicas that know all are %.200x and %.200x", got, want)
			}
		}
	})
}
