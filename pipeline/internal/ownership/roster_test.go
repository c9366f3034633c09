package ownership_test

import (
	"slices"
	"testing"

	"github.com/calmstream/calmstream/pipeline/internal/ownership"
)

func TestRoster(t *testing.T) {
	t.Parallel()
	r := ownership.NewRoster("me")
	want := func(what string, workers ...string) {
		t.Helper()
		if got := r.Workers(); !slices.Equal(got, workers) {
			t.Errorf("%s: %v, want %v", what, got, workers)
		}
	}
	want("alone", "me")
	if !r.Hear("you") || r.Hear("you") || r.Hear("me") {
		t.Error("only who is new is new")
	}
	want("two", "me", "you")
	for range ownership.Missed - 1 {
		if gone := r.Tick(); len(gone) > 0 {
			t.Errorf("%v are gone too early", gone)
		}
	}
	r.Hear("you")
	r.Hear("she")
	for range ownership.Missed - 1 {
		r.Tick()
	}
	want("all were heard of", "me", "she", "you")
	r.Hear("she")
	if gone := r.Tick(); !slices.Equal(gone, []string{"you"}) {
		t.Errorf("%v are gone, want you", gone)
	}
	want("one is gone", "me", "she")
	if !r.Forget("she") || r.Forget("she") {
		t.Error("who was there leaves once")
	}
	want("alone again", "me")
	for range 2 * ownership.Missed {
		r.Tick()
	}
	want("nobody is gone for himself", "me")
}

// Who was killed and comes back under another name does not wait for the ghost it left for longer than anybody else does.
func TestGhostsFade(t *testing.T) {
	t.Parallel()
	r := ownership.NewRoster("me")
	if r.Find("old", ownership.Missed) || !r.Find("ghost", ownership.Missed-1) || r.Find("me", 0) {
		t.Error("who was heard of lately is there, and nobody else")
	}
	if r.Hear("ghost"); r.Find("ghost", 1) {
		t.Error("the ghost is new twice")
	}
	for range ownership.Missed - 1 {
		r.Tick()
	}
	if got := r.Workers(); !slices.Equal(got, []string{"ghost", "me"}) {
		t.Errorf("an older announcement made the younger one forgotten: %v", got)
	}
	r.Find("fading", ownership.Missed-1)
	if gone := r.Tick(); !slices.Equal(gone, []string{"fading", "ghost"}) {
		t.Errorf("%v are gone", gone)
	}
}

// After an outage of the server the others have time to come back, and then none more than before.
func TestOthersAreExcused(t *testing.T) {
	t.Parallel()
	r := ownership.NewRoster("me")
	r.Hear("late")
	r.Hear("dead")
	r.Excuse()
	for range ownership.Excused + ownership.Missed - 1 {
		if gone := r.Tick(); len(gone) > 0 {
			t.Fatalf("%v are gone too early", gone)
		}
	}
	r.Hear("late")
	if gone := r.Tick(); !slices.Equal(gone, []string{"dead"}) {
		t.Errorf("%v are gone, want dead", gone)
	}
	for range ownership.Missed - 2 {
		if gone := r.Tick(); len(gone) > 0 {
			t.Errorf("%v are gone too early", gone)
		}
	}
	if gone := r.Tick(); !slices.Equal(gone, []string{"late"}) {
		t.Errorf("%v are gone, want late", gone)
	}
}
