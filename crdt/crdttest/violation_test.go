package crdttest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt/crdttest"
)

// violations returns all that err wraps.
func violations(err error) []*crdttest.Violation {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*crdttest.Violation
		for _, e := range joined.Unwrap() {
			all = append(all, violations(e)...)
		}
		return all
	}
	if inner := errors.Unwrap(err); inner != nil {
		return violations(inner)
	}
	if v := (*crdttest.Violation)(nil); errors.As(err, &v) {
		return []*crdttest.Violation{v}
	}
	return nil
}

// broken returns the laws that err names, in order.
func broken(t *testing.T, err error) []crdttest.Law {
	t.Helper()
	var laws []crdttest.Law
	for _, v := range violations(err) {
		laws = append(laws, v.Law)
	}
	if err != nil && laws == nil {
		t.Fatalf("want violations, got %v", err)
	}
	slices.Sort(laws)
	return laws
}

// finding is a check of something known to be bad, and what it must find: a law and part of the detail, so that each
// part of a check is seen to work. No law: nothing.
type finding struct {
	name   string
	err    error
	law    crdttest.Law
	detail string
}

func find(t *testing.T, findings []finding) {
	t.Helper()
	for _, f := range findings {
		if f.law == "" {
			if f.err != nil {
				t.Errorf("%s: want nothing, got %v", f.name, f.err)
			}
			continue
		}
		if !slices.ContainsFunc(violations(f.err), func(v *crdttest.Violation) bool {
			return v.Law == f.law && strings.Contains(v.Detail, f.detail)
		}) {
			t.Errorf("%s: want %q broken with %q, got %v", f.name, f.law, f.detail, f.err)
		}
	}
}
