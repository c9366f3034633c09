package kernel_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// visitor feeds a kernel of sessions that count, with a gap of ten.
type visitor struct {
	op    plan.Operator
	state plan.Stateful
	facts *collector[plan.Fact[string, crdt.GCounter]]
	at    int64
}

func newVisitor(t *testing.T) *visitor {
	t.Helper()
	v, rejected := &visitor{facts: new(collector[plan.Fact[string, crdt.GCounter]])}, 0
	rt := runtime(&rejected)
	rt.Register = func(_ *plan.Node, s plan.Stateful) { v.state = s }
	seal, err := kernel.Seal[string, crdt.GCounter](new(plan.Node), []plan.Operator{v.facts})
	if err != nil {
		t.Fatal(err)
	}
	node := &plan.Node{Windowing: plan.Windowing{Gap: 10 * time.Nanosecond}, Rule: plan.SealRule{Set: true}}
	v.op, err = kernel.Fold[string, uint64, crdt.GCounter, *crdt.GCounter](node, rt, []plan.Operator{seal}, kernel.Folding[crdt.GCounter, uint64]{
		Apply:   func(dst *crdt.GCounter, n *uint64) bool { dst.Add("o", *n); return true },
		Combine: func(dst, src *crdt.GCounter) { dst.Add("o", src.Value()) },
		Plain:   true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// visit brings two records of a key, and time enough for the session to end if it is to.
func (v *visitor) visit(t *testing.T, key string, ends bool) {
	t.Helper()
	var in plan.Batch[plan.Contribution[string, uint64]]
	for range 2 {
		v.at++
		in.Add(plan.Meta{Seq: uint64(v.at), Time: v.at}, plan.Contribution[string, uint64]{Key: key, Start: v.at, Value: 1})
	}
	consumer, ok := v.op.(plan.Consumer[plan.Contribution[string, uint64]])
	if !ok {
		t.Fatalf("%T", v.op)
	}
	consumer.Consume(&in)
	if ends {
		v.at += 20
	}
	v.op.Advance(v.at)
}

func (v *visitor) snapshot(t *testing.T, full, kept bool) (s segment) {
	t.Helper()
	if err := v.state.Snapshot(&s, full); err != nil {
		t.Fatal(err)
	}
	v.state.Settle(kept)
	return s
}

// A key whose sessions come and go is in the next checkpoint once, however often, and in none after it.
func TestSessionsThatCameAndWentAreWrittenOnce(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	for range 100 {
		v.visit(t, "often", true)
	}
	v.visit(t, "open", false)
	if got := len(v.snapshot(t, false, false)); got != 2 {
		t.Errorf("a checkpoint has %d entries, want one for each of 2 keys", got)
	}
	if got := len(v.snapshot(t, false, true)); got != 2 {
		t.Errorf("a checkpoint after one that was lost has %d entries, want 2", got)
	}
	if got := len(v.snapshot(t, false, true)); got != 0 {
		t.Errorf("a checkpoint after one that was kept has %d entries, want none", got)
	}
	if got := len(v.snapshot(t, true, true)); got != 1 {
		t.Errorf("the whole state has %d entries, want that of the open session", got)
	}
	if len(v.facts.val) != 100 || v.state.Open() != 1 {
		t.Errorf("%d sessions were sealed and %d are open, want 100 and 1", len(v.facts.val), v.state.Open())
	}
}

// A checkpoint forgets the keys without sessions, and their places are taken by others, which begin anew.
func TestPlacesOfSessionsAreTakenAgain(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	for round := range 50 {
		for i := range 20 {
			v.visit(t, fmt.Sprint("key ", round, " ", i), true)
		}
		v.snapshot(t, round%3 == 0, true)
	}
	v.op.Advance(plan.End)
	if len(v.facts.val) != 1000 {
		t.Fatalf("%d sessions were sealed, want 1000", len(v.facts.val))
	}
	for i, f := range v.facts.val {
		if want := fmt.Sprint("key ", i/20, " ", i%20); f.Key != want || f.Value.Value() != 2 || f.Window.End-f.Window.Start != 11 {
			t.Errorf("session %d is %s %v of %d records, want that of %s, 11 long, of 2", i, f.Key, f.Window, f.Value.Value(), want)
		}
	}
	if room := kernel.RoomOfSessions[string, uint64, crdt.GCounter, *crdt.GCounter](v.state); room > 25 {
		t.Errorf("%d places for 20 keys at a time", room)
	}
}
