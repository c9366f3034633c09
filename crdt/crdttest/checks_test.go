package crdttest_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

// recorder is a testing.TB that keeps errors instead of failing.
type recorder struct {
	testing.TB
	log []string
}

func (r *recorder) Helper()           {}
func (r *recorder) Error(args ...any) { r.log = append(r.log, fmt.Sprint(args...)) }

// Each Check fails the test with what its error form returns, once, and says nothing of what is right.
func TestChecksReportToT(t *testing.T) {
	t.Parallel()
	for want, checks := range map[string][2]func(testing.TB){
		"idempotent": {
			func(tb testing.TB) { crdttest.CheckLaws(tb, some()) },
			func(tb testing.TB) { crdttest.CheckLaws(tb, []sum{{cell{1, 2}}}) },
		},
		"seed 9": {
			func(tb testing.TB) { crdttest.CheckRandom(tb, 1, 5, randomGood) },
			func(tb testing.TB) {
				crdttest.CheckRandom(tb, 9, 5, func(r *rand.Rand) sum { return sum{cell{byte(1 + r.IntN(9)), 0}} })
			},
		},
		"upward closed": {
			func(tb testing.TB) { crdttest.CheckUpSet(tb, crdt.Contains(1), some()) },
			func(tb testing.TB) {
				crdttest.CheckUpSet(tb, crdt.AssertUpSet("one", func(s *numbers) bool { return s.Len() == 1 }), some())
			},
		},
		"delta is the least": {
			func(tb testing.TB) { crdttest.CheckDeltas(tb, some()) },
			func(tb testing.TB) {
				crdttest.CheckDeltas(tb, subsets(func(b bits) different[all] { return different[all]{b} }))
			},
		},
		"is monotone": {
			func(tb testing.TB) { crdttest.CheckMonotone(tb, size, some()) },
			func(tb testing.TB) { crdttest.CheckMonotone(tb, smallest, some()) },
		},
		"is a morphism": {
			func(tb testing.TB) { crdttest.CheckMorphism(tb, squares, some()) },
			func(tb testing.TB) { crdttest.CheckMorphism(tb, size, some()) },
		},
		"is a bimorphism": {
			func(tb testing.TB) { crdttest.CheckBimorphism(tb, join, some(), some()) },
			func(tb testing.TB) { crdttest.CheckBimorphism(tb, zip, some(), some()) },
		},
		"keeps the bottom": {
			func(tb testing.TB) { crdttest.CheckKeepsBottom(tb, squares) },
			func(tb testing.TB) { crdttest.CheckKeepsBottom(tb, size) },
		},
		"only grows": {
			func(tb testing.TB) { crdttest.CheckLowerBound(tb, (*numbers).Len, cmp.Compare, some()) },
			func(tb testing.TB) {
				crdttest.CheckLowerBound(tb, func(s *numbers) int { return -s.Len() }, cmp.Compare, some())
			},
		},
		"inflationary": {
			func(tb testing.TB) { crdttest.CheckMutator(tb, some(), func(s *numbers) numbers { return s.Add(1) }) },
			func(tb testing.TB) {
				crdttest.CheckMutator(tb, some(), func(s *numbers) numbers { *s = numbers{}; return numbers{} })
			},
		},
		"is confluent": {
			func(tb testing.TB) { crdttest.CheckConfluence(tb, some()) },
			func(tb testing.TB) { crdttest.CheckConfluence(tb, singles("abcd")) },
		},
		"in proportion": {
			func(tb testing.TB) { crdttest.CheckHostile(tb, 1, 10, some()) },
			func(tb testing.TB) { crdttest.CheckHostile(tb, 1, 10, listed[trusting]()) },
		},
		"settled value": {
			func(tb testing.TB) { crdttest.CheckSettled(tb, []point{{cell{1, 0}}}) },
			func(tb testing.TB) { crdttest.CheckSettled(tb, []overzealous{{cell{1, 0}}, {cell{3, 0}}}) },
		},
		"is usable": {
			func(tb testing.TB) { crdttest.CheckZeroValue[numbers](tb) },
			func(tb testing.TB) { crdttest.CheckZeroValue[writing](tb) },
		},
		"merge is commutative": {
			func(tb testing.TB) { crdttest.Check(tb, goodSuite()) },
			func(tb testing.TB) { crdttest.Check(tb, samples(lastWriter{cell{1, 1}}, lastWriter{cell{1, 2}})) },
		},
	} {
		fine, wrong := &recorder{TB: t}, &recorder{TB: t}
		checks[0](fine)
		checks[1](wrong)
		if len(fine.log) > 0 {
			t.Errorf("%s: a good one was refuted: %q", want, fine.log)
		}
		if len(wrong.log) != 1 || !strings.Contains(wrong.log[0], want) {
			t.Errorf("want one report with %q, got %q", want, wrong.log)
		}
	}
}
