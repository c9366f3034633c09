package crdttest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt/crdttest"
)

// point is a single assignment (x, if above 0) that knows when it was made twice (y).
type point struct{ cell }

func (p *point) Merge(o *point) bool {
	return p.set(cell{max(p.x, o.x), max(p.y, o.y, disagree(p.x, o.x))})
}

func (p *point) Settled() bool  { return p.x > 0 }
func (p *point) Conflict() bool { return p.y > 0 }

func disagree(x, y byte) byte {
	if x == 0 || y == 0 || x == y {
		return 0
	}
	return 1
}

// secretive is a point that does not report conflicts.
type secretive struct{ cell }

func (p *secretive) Merge(o *secretive) bool {
	return p.set(cell{max(p.x, o.x), max(p.y, o.y, disagree(p.x, o.x))})
}

func (p *secretive) Settled() bool { return p.x > 0 }

// hasty is a maximum that thinks that 2 is the largest number.
type hasty struct{ cell }

func (h *hasty) Merge(o *hasty) bool { return h.set(cell{max(h.x, o.x), max(h.y, o.y)}) }
func (h *hasty) Settled() bool       { return h.x == 2 }
func (h *hasty) Conflict() bool      { return h.x > 2 }

// overzealous is a maximum that is settled at 1 and above, and reports no conflict.
type overzealous struct{ cell }

func (h *overzealous) Merge(o *overzealous) bool { return h.set(cell{max(h.x, o.x), max(h.y, o.y)}) }
func (h *overzealous) Settled() bool             { return h.x > 0 }
func (h *overzealous) Conflict() bool            { return false }

// forgiving is a maximum with a conflict at 1, which is forgotten at 2.
type forgiving struct{ cell }

func (h *forgiving) Merge(o *forgiving) bool { return h.set(cell{max(h.x, o.x), max(h.y, o.y)}) }
func (h *forgiving) Settled() bool           { return h.x == 3 }
func (h *forgiving) Conflict() bool          { return h.x == 1 }

// freezing makes itself settled when it is asked.
type freezing struct{ cell }

func (f *freezing) Merge(o *freezing) bool { return f.set(cell{max(f.x, o.x), max(f.y, o.y)}) }

func (f *freezing) Settled() bool {
	f.x = 255
	return true
}

// complete is settled with two keys, of which there are no more.
type complete struct{ bits }

func (s *complete) Merge(o *complete) bool { return s.add(o.keys()) }
func (s *complete) Settled() bool          { return len(s.m) == 2 }

func TestSettled(t *testing.T) {
	t.Parallel()
	const law = crdttest.LawSettled
	find(t, []finding{
		{name: "point", err: crdttest.Settled([]point{{cell{1, 0}}, {cell{2, 0}}, {cell{2, 1}}})},
		{name: "complete", err: crdttest.Settled([]complete{{letters("a")}, {letters("b")}, {letters("ab")}})},
		{"point that hides a conflict", crdttest.Settled([]secretive{{cell{1, 0}}, {cell{2, 0}}}), law, "reports no conflict"},
		{"unsettled", crdttest.Settled([]hasty{{cell{1, 0}}, {cell{2, 0}}, {cell{3, 0}}}), law, "is not"},
		{"grows", crdttest.Settled([]overzealous{{cell{1, 0}}, {cell{3, 0}}}), law, "reports no conflict"},
		{"forgets a conflict", crdttest.Settled([]forgiving{{cell{1, 0}}, {cell{3, 0}}}), law, "reports a conflict"},
		{"changed by the question", crdttest.Settled([]freezing{{cell{1, 0}}}), law, "made it b"},
		{"settled only where merged", crdttest.Settled([]complete{{letters("a")}, {letters("b")}, {letters("c")}, {letters("xy")}}), law, "is not"},
	})
	if err := crdttest.Settled([]point{{}}); !errors.Is(err, crdttest.ErrVacuous) {
		t.Errorf("want ErrVacuous, got %v", err)
	}
	if err := crdttest.Settled([]good{{cell{1, 1}}}); err == nil || !strings.Contains(err.Error(), "no Settler") {
		t.Errorf("want an error that the type does not settle, got %v", err)
	}
}
