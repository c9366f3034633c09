package pipelinetest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
)

// Result is one result of a pipeline.
type Result struct {
	// Write is the name of the Write.
	Write string
	// Identity is what the result is about: window and key, or its place in the log. Behind an exchange, where its place depends on the
	// schedule, it is only the stage; and of a threshold over sessions only the key, and such results that are alike are one, since
	// which parts of a session are asked depends on it too.
	Identity string
	Verdict  crdt.Verdict
	Payload  string
	// Key and Window are what the result is about, where it is about that: see About. The key is empty if the result is about a whole
	// window, and the window where Identity has only the key.
	Key    string
	Window operators.Span
	// About says that the result is about a key and window, and not about a place in the log.
	About bool
}

// String renders the result on one line.
func (r Result) String() string {
	return fmt.Sprintf("write %s: %s %s about %s", r.Write, r.Verdict, r.Payload, r.Identity)
}

// Outcome is all that a run produced.
type Outcome struct {
	// Results are sorted by Write and Identity. Lower bounds behind an exchange are left out if several shards feed it: which of them
	// there are depends on the schedule.
	Results []Result
	// Rejected holds the reasons of dead letters and late records by their place: operator, shard and position.
	Rejected map[string]string
	// Late is how many of them are late records.
	Late int

	// sealed are the certificates that do not depend on how inputs were interleaved.
	sealed map[string]string
}

// The kinds of what a schedule must not do. A history that is made shorter keeps its kind, but for the first three: one fault
// shows as any of them, and the shortest history that shows it is wanted.
const (
	differs   = "differs"   // from the plain run, or one owner from another
	retracts  = "retracts"  // a stable or final result is not in the outcome
	shrinks   = "shrinks"   // a state fell below what could be read of it before
	miscounts = "miscounts" // a record is in both, or in none, of final results and rejected records
	regresses = "regresses" // a checkpoint lies before one that is durable
	stuck     = "stuck"     // the pipeline does not end
)

// violation is a broken promise.
type violation struct {
	kind string
	err  error
}

func (v *violation) Error() string { return v.err.Error() }
func (v *violation) Unwrap() error { return v.err }

func broken(kind, format string, args ...any) error {
	return &violation{kind, fmt.Errorf(format, args...)}
}

// alike reports whether two faults are of one kind. What breaks no promise is an error of the pipeline.
func alike(a, b error) bool {
	kind := func(err error) string {
		v := (*violation)(nil)
		switch {
		case !errors.As(err, &v):
			return "fails"
		case v.kind == retracts || v.kind == shrinks:
			return differs
		}
		return v.kind
	}
	return kind(a) == kind(b)
}

// compare holds an outcome against that of a plain run. What was handed out and is not in the plain outcome was retracted: it was
// true for somebody, and is not true at the end.
func compare(want, got Outcome) error {
	var errs []error
	if !slices.Equal(want.Results, got.Results) {
		kind, what := differs, "the results differ from those of a plain run"
		if extra := without(got.Results, want.Results); len(extra) > 0 && len(without(want.Results, got.Results)) == 0 {
			kind, what = retracts, "results were handed out that a plain run does not have"
		}
		errs = append(errs, broken(kind, "%s:\n%s", what, difference(want.Results, got.Results)))
	}
	if !maps.Equal(want.Rejected, got.Rejected) {
		errs = append(errs, broken(differs, "dead letters or late records differ from those of a plain run:\n%s", difference(reasons(want), reasons(got))))
	}
	if !maps.Equal(want.sealed, got.sealed) {
		errs = append(errs, broken(differs, "certificates differ from those of a plain run:\n%s", difference(lines(want.sealed), lines(got.sealed))))
	}
	return errors.Join(errs...)
}

func lines(all map[string]string) (out []string) {
	for k, v := range all {
		out = append(out, k+": "+v)
	}
	slices.Sort(out)
	return out
}

func reasons(o Outcome) []string {
	return lines(o.Rejected)
}

// without returns what is in a more often than in b.
func without[T comparable](a, b []T) (rest []T) {
	count := make(map[T]int)
	for _, x := range b {
		count[x]++
	}
	for _, x := range a {
		if count[x]--; count[x] < 0 {
			rest = append(rest, x)
		}
	}
	return rest
}

func difference[T comparable](want, got []T) string {
	var b strings.Builder
	for _, x := range without(want, got) {
		fmt.Fprintf(&b, "  - %v\n", x)
	}
	for _, x := range without(got, want) {
		fmt.Fprintf(&b, "  + %v\n", x)
	}
	return b.String()
}

// rejection is a dead letter or a late record.
type rejection struct {
	place, reason string
	read          string // the name of the Read that the record came from; behind an exchange it is not known
	node          int
	late, about   bool
}

// byChance returns the names of the Writes of lower bounds behind an exchange. All owners publish the same, which is compared as of
// any result, but another run, in which the inputs are interleaved otherwise, may publish others.
func (w *world) byChance() map[string]bool {
	names := make(map[string]bool)
	for _, write := range w.plan.Writes {
		if severity, _ := w.plan.SeverityOf(write); severity == plan.Run && w.plan.WritesBounds(write) {
			names[write.Name] = true
		}
	}
	return names
}

func (w *world) outcome() Outcome {
	out := Outcome{Rejected: make(map[string]string), sealed: w.certain}
	rejected := slices.SortedFunc(maps.Values(w.rejected), func(a, b rejection) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.reason, b.reason))
	})
	for _, r := range rejected {
		at := r.place
		for n := 2; out.Rejected[at] != ""; n++ {
			at = fmt.Sprintf("%s (%d)", r.place, n)
		}
		out.Rejected[at] = r.reason
		if r.late {
			out.Late++
		}
	}
	skip := w.byChance()
	for _, r := range w.results {
		if skip[r.Write] {
			continue
		}
		out.Results = append(out.Results, r)
	}
	slices.SortFunc(out.Results, func(a, b Result) int {
		return cmp.Or(cmp.Compare(a.Write, b.Write), cmp.Compare(a.Identity, b.Identity), cmp.Compare(a.Payload, b.Payload))
	})
	out.Results = slices.CompactFunc(out.Results, func(a, b Result) bool { return a == b && a.About && a.Window == operators.Span{} }) // see namesInstant
	return out
}
