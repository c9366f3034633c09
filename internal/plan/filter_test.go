package plan_test

import (
	"testing"

	"github.com/calmstream/calmstream/internal/plan"
)

func TestOverlap(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"a.b", "a.b", true},
		{"a.b", "a.c", false},
		{"a.*", "*.b", true},
		{"a.>", "a", false},
		{">", "x.y.z", true},
		{"a.*.c", "a.b.>", true},
		{"a.b", "a.b.c", false},
		{"a.b.c", "a.>", true},
		{"a.*", "a.b.*", false},
		{"x.>", "y.>", false},
	} {
		if plan.Overlap(c.a, c.b) != c.want || plan.Overlap(c.b, c.a) != c.want {
			t.Errorf("overlap of %s and %s is not %v", c.a, c.b, c.want)
		}
	}
}
