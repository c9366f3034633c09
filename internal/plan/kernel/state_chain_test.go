package kernel_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// step is a position of a log: a record, and how complete the input is behind it.
type step struct {
	key      string
	at       int64
	right    bool
	value    string // of the right side, "" deletes
	frontier int64
}

// chainLog makes a log of records that trail by up to the lateness, few of them late by none.
func chainLog(rng *rand.Rand, n int, lateness int64) (log []step) {
	highest := int64(0)
	for i := range n {
		s := step{key: string(rune('a' + rng.IntN(4))), right: rng.IntN(2) == 0, at: max(0, highest-rng.Int64N(lateness+1)) + rng.Int64N(3), value: fmt.Sprint(i)}
		if rng.IntN(3) == 0 {
			s.value = ""
		}
		highest = max(highest, s.at)
		s.frontier = highest
		log = append(log, s)
	}
	log[n-1].frontier = plan.End
	return log
}

// told is what came of a step.
type told struct {
	results  []string
	frontier int64
	open     int
	// state is the whole of it.
	state string
}

// machine is a kernel that takes steps.
type machine struct {
	take    func(s step)
	state   plan.Stateful
	results []string
	after   int64
}

func (m *machine) Consume(b *plan.Batch[string]) {
	for i := range b.Len() {
		m.results = append(m.results, fmt.Sprintf("%d %s", b.Meta[i].Time, b.Val[i]))
	}
}

func (m *machine) Advance(frontier int64) { m.after = frontier }

func (m *machine) step(s step) told {
	m.results = nil
	m.take(s)
	return told{m.results, m.after, m.state.Open(), ""}
}

// whole returns the whole state.
func (m *machine) whole(t *testing.T) string {
	t.Helper()
	var s segment
	if err := m.state.Snapshot(&s, true); err != nil {
		t.Fatal(err)
	}
	m.state.Settle(false)
	return fmt.Sprintf("%q", [][]byte(s))
}

// machineOf makes a machine of a kernel of two sides.
func machineOf[A, B any](t *testing.T, a func(step) A, b func(step) B, build func(*plan.Node, *plan.Runtime, plan.Operator) (plan.Operator, error)) *machine {
	t.Helper()
	m, rejected := new(machine), 0
	rt := runtime(&rejected)
	rt.Register = func(_ *plan.Node, s plan.Stateful) { m.state = s }
	op, err := build(&plan.Node{Windowing: plan.Instants, Rule: plan.SealRule{Set: true, Lateness: chainLateness}}, rt, m)
	if err != nil {
		t.Fatal(err)
	}
	type record = plan.Contribution[string, kernel.Sided[A, B]]
	consumer, ok := op.(plan.Consumer[record])
	if !ok {
		t.Fatalf("%T", op)
	}
	seq := uint64(0)
	m.take = func(s step) {
		var in plan.Batch[record]
		v := kernel.Sided[A, B]{Right: s.right}
		if s.right {
			v.B = b(s)
		} else {
			v.A = a(s)
		}
		seq++
		in.Add(plan.Meta{Seq: seq, Time: s.at, Frontier: s.frontier}, record{Key: s.key, Start: s.at, Value: v})
		consumer.Consume(&in)
		op.Advance(s.frontier)
	}
	return m
}

const chainLateness = 4

func textOf(s step) string { return s.value }

func entryOf(s step) *string {
	if s.value == "" {
		return nil
	}
	return &s.value
}

func pairOf(a, b *string) string {
	text := "nothing"
	if a != nil {
		text = *a
	}
	if b != nil {
		return text + " " + *b
	}
	return text + " nothing"
}

// chainKernels are the kernels with two sides.
var chainKernels = map[string]func(t *testing.T) *machine{
	"outer join": func(t *testing.T) *machine {
		t.Helper()
		return machineOf(t, textOf, textOf, func(n *plan.Node, rt *plan.Runtime, out plan.Operator) (plan.Operator, error) {
			text := plan.UsualCodec[string]()
			return kernel.Join[string](n, rt, []plan.Operator{out}, kernel.Joining[string, string, string]{Before: 1, After: 2, KeepLeft: true, KeepRight: true, Pair: pairOf, A: text, B: text})
		})
	},
	"lookup": func(t *testing.T) *machine {
		t.Helper()
		return machineOf(t, textOf, entryOf, func(n *plan.Node, rt *plan.Runtime, out plan.Operator) (plan.Operator, error) {
			text := plan.UsualCodec[string]()
			return kernel.Lookup[string](n, rt, []plan.Operator{out}, kernel.Looking[string, string, string]{KeepMissing: true, Pair: pairOf, A: text, B: kernel.NullCodec(text)})
		})
	},
	"tables": func(t *testing.T) *machine {
		t.Helper()
		return machineOf(t, entryOf, entryOf, func(n *plan.Node, rt *plan.Runtime, out plan.Operator) (plan.Operator, error) {
			text := kernel.NullCodec(plan.UsualCodec[string]())
			changes, err := kernel.Map(n, rt, []plan.Operator{out}, func(c plan.RowChange[string, string]) string { return fmt.Sprint(c) })
			if err != nil {
				return nil, err
			}
			return kernel.Tables[string](n, rt, []plan.Operator{changes}, kernel.Tabling[string, string, string]{KeepLeft: true, KeepRight: true, Row: pairOf, A: text, B: text})
		})
	},
	"enrich": func(t *testing.T) *machine {
		t.Helper()
		return machineOf(t, textOf, func(s step) string { return s.key }, func(n *plan.Node, rt *plan.Runtime, out plan.Operator) (plan.Operator, error) {
			text := plan.UsualCodec[string]()
			return kernel.Enrich[string](n, rt, []plan.Operator{out}, kernel.Enriching[string, string, string]{Pair: pairOf, A: text, B: text})
		})
	},
	"left enrich":            leftEnrich(false),
	"left enrich at the end": leftEnrich(true),
}

// leftEnrich is the kernel that hands on what has no entry. Each key has one entry, which comes several times, with several times of its own.
func leftEnrich(anyTime bool) func(t *testing.T) *machine {
	return func(t *testing.T) *machine {
		t.Helper()
		return machineOf(t, textOf, func(s step) string { return s.key }, func(n *plan.Node, rt *plan.Runtime, out plan.Operator) (plan.Operator, error) {
			text := plan.UsualCodec[string]()
			n.Rule.OnlyAtEnd = anyTime
			return kernel.Enrich[string](n, rt, []plan.Operator{out}, kernel.Enriching[string, string, string]{KeepMissing: true, AnyTime: anyTime, Pair: pairOf, A: text, B: text})
		})
	}
}

// checkpoint is a chain of segments at a position.
type checkpoint struct {
	position int
	segments [][][]byte
}

type segment [][]byte

func (s *segment) Add(entry []byte) error { *s = append(*s, slices.Clone(entry)); return nil }

// chainOwner is an owner of the log, with the checkpoint that it knows and the one that it is about to commit.
type chainOwner struct {
	*machine
	position    int
	base, taken *checkpoint
}

// Owners that overlap, crash, lose the race for a checkpoint and go on upon the winner's, or start from any checkpoint there ever was, make
// at each position of the log what one makes that does nothing of the kind.
func TestJoinStatesAreChains(t *testing.T) {
	t.Parallel()
	for name, build := range chainKernels {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(150) {
				rng := rand.New(rand.NewPCG(seed, 7))
				log := chainLog(rng, 60, chainLateness)
				var want []told
				plain := build(t)
				for _, s := range log {
					want = append(want, plain.step(s))
					want[len(want)-1].state = plain.whole(t)
				}
				if at := chaosOf(t, rng, build, log, want); at != "" {
					t.Fatalf("seed %d: %s", seed, at)
				}
			}
		})
	}
}

// chaosOf runs two owners, and says what is wrong, if anything is.
func chaosOf(t *testing.T, rng *rand.Rand, build func(*testing.T) *machine, log []step, want []told) string {
	t.Helper()
	known := []*checkpoint{{}}
	start := func(from *checkpoint) *chainOwner {
		o := &chainOwner{machine: build(t), position: from.position, base: from}
		for _, entries := range from.segments {
			for _, e := range entries {
				if err := o.state.Restore(e); err != nil {
					t.Fatal(err)
				}
			}
		}
		return o
	}
	restart := func(from *checkpoint) (o *chainOwner, wrong string) {
		if o = start(from); from.position > 0 && o.whole(t) != want[from.position-1].state {
			wrong = fmt.Sprintf("restored at %d: got %s, want %s", from.position, o.whole(t), want[from.position-1].state)
		}
		return o, wrong
	}
	owners := []*chainOwner{start(known[0]), start(known[0])}
	for range 400 {
		i := rng.IntN(len(owners))
		switch o, what := owners[i], rng.IntN(20); {
		case what < 14:
			if o.position == len(log) {
				continue
			}
			got := o.step(log[o.position])
			if o.taken == nil && rng.IntN(3) == 0 { // a snapshot that nobody keeps
				got.state = o.whole(t)
			} else {
				got.state = want[o.position].state
			}
			if fmt.Sprint(got) != fmt.Sprint(want[o.position]) {
				return fmt.Sprintf("position %d: got %v, want %v", o.position, got, want[o.position])
			}
			o.position++
		case what < 16 && o.taken == nil && o.position >= o.base.position:
			var s segment
			full := rng.IntN(4) == 0 || len(o.base.segments) == 0
			if err := o.state.Snapshot(&s, full); err != nil {
				t.Fatal(err)
			}
			o.taken = &checkpoint{position: o.position, segments: [][][]byte{s}}
			if !full {
				o.taken.segments = append(slices.Clone(o.base.segments), s)
			}
		case what < 19 && o.taken != nil:
			newest := known[len(known)-1]
			if newest == o.base {
				known = append(known, o.taken)
				o.state.Settle(true)
				newest = o.taken
			} else {
				o.state.Settle(newest.position >= o.taken.position)
			}
			o.base, o.taken = newest, nil
		case what == 19:
			var wrong string
			if owners[i], wrong = restart(known[rng.IntN(len(known))]); wrong != "" {
				return wrong
			}
		}
	}
	return ""
}
