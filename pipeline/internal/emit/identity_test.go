package emit_test

import (
	"testing"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/emit"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

func writeBelow(kind plan.Kind) *plan.Node {
	g := &plan.Graph{Name: "p"}
	above := g.Add(&plan.Node{Kind: kind, Name: "above"})
	return g.Add(&plan.Node{Kind: plan.KindWrite, Name: "out", In: []*plan.Node{above}})
}

// The frontier that closed a window depends on where a batch ended, which differs between owners. A final result shows
// the end of its window instead; a stable one shows what its shard had seen before the record that made it true.
func TestFrontierOfAResultDoesNotDependOnBatches(t *testing.T) {
	t.Parallel()
	window := plan.Span{Start: 0, End: 10e9}
	for _, closedAt := range []int64{10e9, 11e9, plan.End} {
		r := shard.Result{Write: writeBelow(plan.KindSeal)}
		r.Meta = plan.Meta{Seq: 7, Frontier: closedAt, Group: &plan.Group{Key: "k", Window: window}}
		if got := emit.RecordOf(&r); got.Frontier != "1970-01-01T00:00:10Z" || got.Verdict.String() != "final" {
			t.Errorf("closed at %d it is %+v", closedAt, got)
		}
	}
	r := shard.Result{Write: writeBelow(plan.KindThreshold)}
	r.Meta = plan.Meta{Seq: 7, Frontier: 3e9, Group: &plan.Group{Key: "k", Window: window}}
	if got := emit.RecordOf(&r); got.Frontier != "1970-01-01T00:00:03Z" || got.Verdict.String() != "stable" {
		t.Errorf("a stable one is %+v", got)
	}
}

// Identities and paths are seen by consumers and must not change between releases.
func TestIdentitiesAndPaths(t *testing.T) {
	t.Parallel()
	window := plan.Span{Start: 0, End: 10e9}
	for _, c := range []struct {
		meta     plan.Meta
		index    uint32
		id, path string
	}{
		{plan.Meta{Seq: 7, Group: &plan.Group{Key: "k", Window: window}}, 0, "e1/out/0-10000000000/k", "e1.0-10000000000.k"},
		{plan.Meta{Seq: 7, Group: &plan.Group{Key: "k", Window: window}}, 2, "e1/out/0-10000000000/k/2", "e1.0-10000000000.k.2"},
		{plan.Meta{Seq: 7, Group: &plan.Group{Key: "a b", Window: plan.Global}}, 0, "e1/out/global/=YSBi", "e1.global.=YSBi"},
		{plan.Meta{Seq: 7, Group: &plan.Group{Window: plan.Global}}, 0, "e1/out/global/=", "e1.global.="},
		{plan.Meta{Seq: 7, Group: &plan.Group{Whole: true, Window: plan.Global}}, 0, "e1/out/global/_", "e1.global._"},
		{plan.Meta{Seq: 7}, 3, "e1/out/in/1/ff.7.3", ""},
		{plan.Meta{Seq: 7, Branch: 2}, 3, "e1/out/in/1/ff.7.3.b2", ""},
		{plan.Meta{Branch: 1, Group: &plan.Group{Key: "k", Window: plan.Global}}, 0, "e1/out/global/k/b1", "e1.global.k.b1"},
		{plan.Meta{Seq: 7, Group: &plan.Group{Key: "k", Window: plan.Global, Version: 17}}, 0, "e1/out/global/k/v17", "e1.global.k"},
	} {
		r := shard.Result{Write: writeBelow(plan.KindSeal)}
		r.Meta, r.Index = c.meta, c.index
		if got := emit.RecordOf(&r); got.ID != c.id || got.Path != c.path || c.meta.Group != nil && got.Version != c.meta.Group.Version {
			t.Errorf("%+v has the identity %q and the path %q, want %q and %q", c.meta, got.ID, got.Path, c.id, c.path)
		}
	}
}
