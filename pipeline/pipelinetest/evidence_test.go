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

// A state that is complete and contradicts itself is never final, in any schedule: what completed it is a dead letter, what changes it
// afterwards is late, and a threshold tells of it. One that is handed on stays final, whatever comes behind it.
func TestSealWhenInConflict(t *testing.T) {
	t.Parallel()
	manifest := func(s string) (m crdt.SealedSet[string]) { // "key position element", or "key length n"
		f := strings.Fields(s)
		var n uint64
		if f[1] == "length" {
			_, _ = fmt.Sscan(f[2], &n)
			return m.Declare(n)
		}
		_, _ = fmt.Sscan(f[1], &n)
		return m.Put(n, f[2])
	}
	for shards, in := range map[int][]pipelinetest.Log{
		1: {texts("in", 0, "1 0 a", "2 0 a", "1 0 b", "2 length 1", "1 length 1", "2 length 2", "1 1 c", "1 1 c", "3 length 1", "3 length 2", "3 0 a")},
		2: {texts("in", 0, "1 0 a", "1 0 b", "1 length 1", "1 1 c", "1 1 c"), texts("in", 1, "2 0 a", "2 length 1", "2 length 2", "3 length 1", "3 length 2", "3 0 a")},
	} {
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("manifests")
			all := operators.Aggregate("manifests", operators.KeyBy(input(p, "in", shards), "order", order), manifest)
			pipeline.Write(p, "final", operators.Finals(operators.SealWhen(all, crdt.Complete[string]())), nowhere("final"),
				func(f operators.Final[string, crdt.SealedSet[string]]) ([]byte, error) {
					if _, ok := f.Value.Content(); !ok {
						return nil, errBrittle
					}
					return []byte(f.Key), nil
				})
			pipeline.Write(p, "alarm", operators.Threshold(all, crdt.InConflict[crdt.SealedSet[string]]()), nowhere("alarm"), pipeline.EncodeText)
			return p
		}, in, pipelinetest.Options{Rounds: 20})
		want(t, out, "final", "final 2")
		want(t, out, "alarm", "stable 1", "stable 2", "stable 3")
		dead := 0
		for _, why := range out.Rejected {
			if strings.Contains(why, `the state of key "1" is complete by its own evidence, but it is in conflict with itself`) || strings.Contains(why, `the state of key "3"`) {
				dead++
			}
		}
		if dead != 2 || out.Late != 2 || len(out.Rejected) != 4 {
			t.Errorf("%d shards: %d in conflict, %d late, %v", shards, dead, out.Late, out.Rejected)
		}
	}
}
