package pipelinetest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// cart is what is known of an order: its lines, and how many there are to be.
type cart = sides

// line reads "order line" or "order =count".
func line(s string) cart {
	_, what, _ := strings.Cut(s, " ")
	if strings.HasPrefix(what, "=") {
		return crdt.MapOf("count", crdt.GSetOf(what[1:]))
	}
	return crdt.MapOf("lines", crdt.GSetOf(what))
}

func order(s string) string {
	number, _, _ := strings.Cut(s, " ")
	return number
}

// complete holds once as many lines are there as were declared.
var complete = crdt.AssertUpSet("all lines", func(c *cart) bool {
	count, _ := c.Get("count")
	lines, _ := c.Get("lines")
	for n := range count.All() {
		if fmt.Sprint(lines.Len()) >= n {
			return true
		}
	}
	return false
})

// A state that is complete by what it holds is final at once, whoever is slow, in whatever order its parts came; what
// changes it later is late; one that never completes has no final result.
func TestSealWhen(t *testing.T) {
	t.Parallel()
	for shards, in := range map[int][]pipelinetest.Log{
		1: {texts("in", 0, "1 milk", "2 =1", "1 =2", "3 tea", "1 bread", "1 bread", "2 oil")},
		2: {texts("in", 0, "1 milk", "1 =2", "3 tea", "1 bread"), texts("in", 1, "2 oil", "1 bread", "2 =1")},
	} {
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("carts")
			carts := operators.Aggregate("carts", operators.KeyBy(input(p, "in", shards), "order", order), line)
			pipeline.Write(p, "carts", operators.Finals(operators.SealWhen(carts, complete)), nowhere("carts"),
				func(f operators.Final[string, cart]) ([]byte, error) {
					lines, _ := f.Value.Get("lines")
					return fmt.Appendf(nil, "%s has %d lines", f.Key, lines.Len()), nil
				})
			return p
		}, in, pipelinetest.Options{})
		want(t, out, "carts", "final 1 has 2 lines", "final 2 has 1 lines")
		if len(out.Rejected) != 0 {
			t.Errorf("late: %v", out.Rejected)
		}
	}
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("late")
		carts := operators.Aggregate("carts", operators.KeyBy(input(p, "in", 1), "order", order), line)
		pipeline.Write(p, "carts", operators.Finals(operators.SealWhen(carts, complete)), nowhere("carts"),
			func(f operators.Final[string, cart]) ([]byte, error) { return []byte(f.Key), nil })
		return p
	}, []pipelinetest.Log{texts("in", 0, "1 milk", "1 =1", "1 milk", "1 more")}, pipelinetest.Options{})
	want(t, out, "carts", "final 1")
	if len(out.Rejected) != 1 {
		t.Errorf("late: %v", out.Rejected)
	}
	p := pipeline.New("plan")
	carts := operators.Aggregate("carts", operators.KeyBy(input(p, "in", 2), "order", order), line)
	pipeline.Write(p, "carts", operators.Finals(operators.SealWhen(carts, complete)), nowhere("carts"),
		func(f operators.Final[string, cart]) ([]byte, error) { return []byte(f.Key), nil })
	if p.MaxPointsOfOrder = pipeline.NoPointsOfOrder; p.Err() != nil {
		t.Errorf("it waits for nobody, but: %v", p.Err())
	}
}
