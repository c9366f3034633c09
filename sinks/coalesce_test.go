package sinks_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/calmstream/calmstream/sinks"
	"github.com/calmstream/calmstream/sinks/sinktest"
)

func TestCoalesceConforms(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, sinktest.Config{
		New: func(testing.TB) (sinks.Sink, func() ([]sinks.Record, error)) {
			s := &shelf{unique: true}
			return sinks.Coalesce{To: sinks.Func{Name: "shelf", Do: s.put}}, s.read
		},
		Features: sinktest.Features{Durable: true},
		Missing: []sinks.Sink{
			sinks.Coalesce{},
			sinks.Coalesce{To: sinks.Func{}},
			sinks.Coalesce{To: sinks.Stdout(), Every: -1},
			sinks.Coalesce{To: sinks.Outbox{Name: "a", Stream: "b"}},
			sinks.Coalesce{To: &sinks.Outbox{Name: "a", Stream: "b"}},
		},
	})
}

// Of the bounds in one write the newest of each path is written, in whatever order they stand, and of all else everything, in order.
func TestCoalesceKeepsTheNewest(t *testing.T) {
	t.Parallel()
	var got []string
	to := sinks.Func{Name: "f", Do: func(_ context.Context, r sinks.Record) error { got = append(got, r.ID); return nil }}
	w := open(t, sinks.Coalesce{To: to}, nil)
	bound := func(path string, version uint64) sinks.Record {
		return sinks.Record{ID: fmt.Sprint(path, version), Path: path, Version: version}
	}
	final, other := sinks.Record{ID: "final", Path: "a"}, sinks.Record{ID: "other"}
	put(t, w, []sinks.Record{bound("a", 1), final, bound("b", 7), bound("a", 3), other, bound("b", 5), final, bound("a", 2), other})
	if want := []string{"a3", "final", "b7", "other", "final", "other"}; !slices.Equal(got, want) {
		t.Errorf("%q are written, want %q", got, want)
	}
	got = nil
	put(t, w, []sinks.Record{bound("a", 2)}, nil) // what was before is another write
	if want := []string{"a2"}; !slices.Equal(got, want) {
		t.Errorf("%q are written, want %q", got, want)
	}
	// Two of one version are for the destination to judge.
	got = nil
	twin := bound("a", 2)
	twin.ID = "twin"
	put(t, w, []sinks.Record{bound("a", 2), twin})
	if want := []string{"a2", "twin"}; !slices.Equal(got, want) {
		t.Errorf("%q are written, want %q", got, want)
	}
	if d := (sinks.Coalesce{}).Interval(); d != time.Second {
		t.Errorf("the zero value has an interval of %s", d)
	}
}
