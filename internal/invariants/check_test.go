package invariants_test

import (
	"testing"

	"github.com/calmstream/calmstream/internal/invariants"
)

// recovered calls Check and returns what it panicked with, nil if it returned.
func recovered(cond bool) (value any) {
	defer func() { value = recover() }()
	invariants.Check(cond, "shard %d went back to %d", 3, 41)
	return nil
}

func TestCheckStopsOnlyWhereEnabled(t *testing.T) {
	t.Parallel()
	if invariants.Enabled != wantEnabled {
		t.Fatalf("Enabled is %v in a build whose tags ask for %v", invariants.Enabled, wantEnabled)
	}
	var want any
	if wantEnabled {
		want = "invariant broken: shard 3 went back to 41"
	}
	if got := recovered(false); got != want {
		t.Errorf("a broken invariant: recovered %v, want %v", got, want)
	}
	if got := recovered(true); got != nil {
		t.Errorf("a kept invariant: recovered %v, want nothing", got)
	}
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process
func TestCheckAllocatesNothingWhenKept(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { invariants.Check(true, "kept") }); n != 0 {
		t.Errorf("Check of a kept invariant allocates %v times, want 0", n)
	}
}
