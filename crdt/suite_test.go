package crdt_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

// suite is what each type of the catalogue must pass besides its own tests.
type suite[L any] struct {
	// samples are picked by a person: bottom, equal, comparable, incomparable, ties in every field that a merge compares.
	samples []L
	// random makes a value that some history could have made.
	random func(r *rand.Rand) L
	// updates change a value and return the delta, each for an origin of its own.
	updates []func(x *L) L
	// upSets are the questions about the type whose yes is final.
	upSets []crdt.UpSet[L]
	// coarse and endless are those of crdttest.Suite.
	coarse, endless bool
	// golden is a file of testdata, without ".hex", with one line for each of goldens: the durable form of the type.
	golden  string
	goldens map[string]L
	// json has the form for people of some of goldens.
	json map[string]string
}

// check runs the suite. Fuzzing is left to a Fuzz function of the type, which calls fuzz.
func check[L any, P crdt.Lattice[L]](t *testing.T, s suite[L]) {
	t.Helper()
	crdttest.Check[L, P](t, crdttest.Suite[L]{Samples: s.samples, Random: s.random, Updates: s.updates, UpSets: s.upSets, Coarse: s.coarse, Endless: s.endless})
	checkGolden[L, P](t, s.golden, s.goldens)
	if len(s.json) == 0 {
		t.Errorf("%T: no JSON form is shown", s.samples[0])
	}
	for name, want := range s.json {
		got, err := json.Marshal(s.goldens[name])
		if err != nil || string(got) != want {
			t.Errorf("%T: %s in JSON is %s, error %v, want %s", s.samples[0], name, got, err, want)
		}
	}
}

// event is an operation in a random history of several replicas.
type event[O any] struct {
	op     O
	origin string
	// number counts the events of the origin from 1.
	number uint64
	// saw has the events that were known at the origin when this one was made, itself not included.
	saw map[*event[O]]bool
}

// history says how to test a type against a naive reference over random histories.
type history[L, O, V any] struct {
	// op draws an operation.
	op *rapid.Generator[O]
	// apply makes the operation at a replica and returns its delta.
	apply func(x *L, origin string, op O) L
	// read is the observable value.
	read func(x *L) V
	// reference computes the observable value from the operations that a replica knows, by the meaning of the type and in the
	// simplest way. The events come in the order in which they were made.
	reference func(known []*event[O]) V
	// cumulative says that the delta of an event carries the earlier events of its origin too.
	cumulative bool
	// carries, if there is one, says that of some of them.
	carries func(op, earlier O) bool
}

// checkHistory makes operations at three replicas, whose deltas are lost, duplicated, reordered and batched, and
// whose full states are exchanged now and then. After each step the replica must show what the reference
// says of the events that it knows; in the end, when all have heard of all, all must be equal.
func checkHistory[L, O, V any, P crdt.Lattice[L]](t *testing.T, h history[L, O, V]) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		w := world[L, O, V, P]{history: h, replicas: make([]replica[L, O], 3)}
		for i := range w.replicas {
			w.replicas[i] = replica[L, O]{name: string(rune('a' + i)), knows: map[*event[O]]bool{}}
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			at := &w.replicas[rapid.IntRange(0, 2).Draw(t, "replica")]
			switch rapid.SampledFrom([]string{"make", "make", "make", "hear", "hear", "batch", "sync"}).Draw(t, "step") {
			case "make":
				w.make(t, at, h.op.Draw(t, "op"))
			case "hear":
				w.hear(t, at)
			case "batch":
				w.batch(t)
			case "sync":
				w.sync(at, &w.replicas[rapid.IntRange(0, 2).Draw(t, "from")])
			}
			w.compare(t, at)
		}
		w.settle(t)
	})
}

type replica[L, O any] struct {
	name  string
	state L
	knows map[*event[O]]bool
	made  uint64
}

// parcel is a delta, or several merged, with the events it carries.
type parcel[L, O any] struct {
	delta   L
	carries map[*event[O]]bool
}

type world[L, O, V any, P crdt.Lattice[L]] struct {
	history[L, O, V]
	replicas []replica[L, O]
	events   []*event[O]
	parcels  []parcel[L, O] // each may be heard never, once or often, in any order
}

func (w *world[L, O, V, P]) make(t *rapid.T, at *replica[L, O], op O) {
	t.Helper()
	at.made++
	e := &event[O]{op: op, origin: at.name, number: at.made, saw: map[*event[O]]bool{}}
	carries := map[*event[O]]bool{e: true}
	for known := range at.knows {
		e.saw[known] = true
		if known.origin == at.name && (w.cumulative || w.carries != nil && w.carries(op, known.op)) {
			carries[known] = true
		}
	}
	delta := w.apply(&at.state, at.name, op)
	at.knows[e] = true
	w.events = append(w.events, e)
	if encode[L, P](t, &delta) == encode[L, P](t, new(L)) {
		return // the operation added nothing to what its replica knew: it says nothing without that
	}
	w.parcels = append(w.parcels, parcel[L, O]{delta, carries})
}

func (w *world[L, O, V, P]) hear(t *rapid.T, at *replica[L, O]) {
	if len(w.parcels) == 0 {
		return
	}
	p := w.parcels[rapid.IntRange(0, len(w.parcels)-1).Draw(t, "parcel")]
	P(&at.state).Merge(&p.delta)
	for e := range p.carries {
		at.knows[e] = true
	}
}

func (w *world[L, O, V, P]) batch(t *rapid.T) {
	if len(w.parcels) < 2 {
		return
	}
	var both parcel[L, O]
	both.carries = map[*event[O]]bool{}
	for range 2 {
		p := w.parcels[rapid.IntRange(0, len(w.parcels)-1).Draw(t, "parcel")]
		P(&both.delta).Merge(&p.delta)
		for e := range p.carries {
			both.carries[e] = true
		}
	}
	w.parcels = append(w.parcels, both)
}

func (w *world[L, O, V, P]) sync(at, from *replica[L, O]) {
	other := crdt.Clone[L, P](&from.state)
	P(&at.state).Merge(&other)
	for e := range from.knows {
		at.knows[e] = true
	}
}

func (w *world[L, O, V, P]) compare(t *rapid.T, at *replica[L, O]) {
	t.Helper()
	var known []*event[O]
	for _, e := range w.events {
		if at.knows[e] {
			known = append(known, e)
		}
	}
	if got, want := w.read(&at.state), w.reference(known); !reflect.DeepEqual(got, want) {
		t.Fatalf("replica %s shows %v, want %v from %s", at.name, got, want, describe(known))
	}
}

// settle lets every replica hear of everything: by states the first, by deltas the others.
func (w *world[L, O, V, P]) settle(t *rapid.T) {
	t.Helper()
	for i := range w.replicas {
		at := &w.replicas[i]
		for j := range w.replicas {
			if i == 0 {
				w.sync(at, &w.replicas[j])
			}
		}
		for k := range w.parcels {
			p := w.parcels[(k+i)%len(w.parcels)]
			P(&at.state).Merge(&p.delta)
		}
		for _, e := range w.events {
			at.knows[e] = true
		}
		w.compare(t, at)
		if got, want := encode[L, P](t, &at.state), encode[L, P](t, &w.replicas[0].state); got != want {
			t.Fatalf("replica %s is %x, replica %s is %x, and both know all", at.name, got, w.replicas[0].name, want)
		}
	}
}

func describe[O any](events []*event[O]) (s string) {
	for _, e := range events {
		s += fmt.Sprintf("\n%s%d: %v, saw", e.origin, e.number, e.op)
		for _, o := range events {
			if e.saw[o] {
				s += fmt.Sprintf(" %s%d", o.origin, o.number)
			}
		}
	}
	return s
}
