package pipelinetest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// Claims that hold are not refuted.
func TestTrueReductions(t *testing.T) {
	t.Parallel()
	ints := []int64{0, 1, -1, 7, 1 << 62, -1 << 63}
	pipelinetest.CheckReduction(t, operators.AssertReduction("sum", func(a, b int64) int64 { return a + b }), ints)
	pipelinetest.CheckReduction(t, operators.AssertReduction("product", func(a, b int64) int64 { return a * b }), ints)
	pipelinetest.CheckReduction(t, operators.AssertSemilattice("max", func(a, b int64) int64 { return max(a, b) }), ints)
}

type hidden struct{ n int }

// Each kind of wrong claim is refuted, with what is wrong.
func TestFalseReductionsAreRefuted(t *testing.T) {
	t.Parallel()
	floats := []float64{0.1, 0.2, 0.3, 1e16, -1e16}
	numbers := []int64{0, 1, 2, 3, 5}
	for want, err := range map[string]error{
		"not associative":         pipelinetest.Reduction(operators.AssertReduction("float sum", func(a, b float64) float64 { return a + b }), floats),
		"not commutative":         pipelinetest.Reduction(operators.AssertReduction("join", func(a, b string) string { return a + b }), []string{"a", "b"}),
		"not idempotent":          pipelinetest.Reduction(operators.AssertSemilattice("sum", func(a, b int64) int64 { return a + b }), numbers),
		`"difference": it is not`: pipelinetest.Reduction(operators.AssertReduction("difference", func(a, b int64) int64 { return a - b }), numbers),
		"is not associative: f(f": pipelinetest.Reduction(operators.AssertReduction("mean", func(a, b int64) int64 { return (a + b) / 2 }), numbers),
		"changes its first argument": pipelinetest.Reduction(operators.AssertReduction("append", func(a, b []int) []int {
			for i := range min(len(a), len(b)) {
				a[i] += b[i]
			}
			return a
		}), [][]int{{1, 2}, {3, 4}}),
		"show nothing": pipelinetest.Reduction(operators.AssertReduction("hidden", func(a, b hidden) hidden { return hidden{a.n + b.n} }), []hidden{{1}, {2}}),
		"no function":  pipelinetest.Reduction(operators.Reduction[int]{}, []int{1, 2}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error that says %q", err, want)
		}
	}
	if err := pipelinetest.Reduction(operators.AssertReduction("sum", func(a, b int) int { return a + b }), []int{0}); !errors.Is(err, pipelinetest.ErrVacuous) {
		t.Errorf("one sample refutes nothing, but the error is %v", err)
	}
}

// A wrong claim also shows in a pipeline: two inputs that are interleaved in another way give another result.
func TestFalseReductionShowsInAPipeline(t *testing.T) {
	t.Parallel()
	concatenation := operators.AssertReduction("concatenation", func(a, b string) string { return a + b })
	_, err := pipelinetest.Run(func() *pipeline.Pipeline {
		p := pipeline.New("wrong")
		all := operators.KeyBy(input(p, "in", 2), "all", func(string) string { return "all" })
		texts := operators.Reduce("texts", all, func(s string) string { return s }, concatenation)
		pipeline.Write(p, "out", operators.Finals(operators.Seal(texts, operators.EndOfInput())), nowhere("out"),
			func(f operators.Final[string, operators.Reduced[string]]) ([]byte, error) {
				v, _ := f.Value.Value()
				return fmt.Append(nil, v), nil
			})
		return p
	}, []pipelinetest.Log{texts("in", 0, "a", "b", "c"), texts("in", 1, "d", "e")}, pipelinetest.Options{Rounds: 200})
	if err == nil || !strings.Contains(err.Error(), "differ") {
		t.Errorf("got %v, want a difference", err)
	}
}
