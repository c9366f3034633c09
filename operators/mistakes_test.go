package operators_test

import (
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt/exact"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

// every makes each aggregate with the functions given, which may be nil.
func every(in items, k int, value func(bid) int64, text func(bid) string, with operators.Reduction[int64]) {
	operators.Max("max", in, value)
	operators.Min("min", in, value)
	operators.ArgMax("arg-max", in, value, text)
	operators.ArgMin("arg-min", in, value, text)
	operators.Average("average", in, value)
	operators.SumSigned("sum-signed", in, value)
	var retracts func(bid) bool
	var price func(bid) exact.Decimal[cents]
	var weight func(bid) float64
	if value != nil {
		retracts, price, weight = func(bid) bool { return false }, bid.price, bid.weight
	}
	operators.CountSigned("count-signed", in, retracts)
	operators.SumDecimal("sum-decimal", in, price)
	operators.SumFloat("sum-float", in, weight)
	operators.Distinct("distinct", in, value)
	operators.ApproxDistinct("approx-distinct", in, text)
	operators.Quantiles("quantiles", in, value)
	operators.TopOf("top-of", in, k, value, text)
	operators.BottomOf("bottom-of", in, k, value, text)
	operators.First("first", in, value)
	operators.Last("last", in, value)
	operators.Collect("collect", in, k)
	operators.Reduce("reduce", in, value, with)
}

var sum = operators.AssertReduction("sum", func(a, b int64) int64 { return a + b })

// A mistake is reported with the operator, the place and what is wrong; none panics.
func TestMistakesOfAggregates(t *testing.T) {
	t.Parallel()
	every(items{}, 1, bid.value, bid.text, sum) // what comes of a zero value is one
	for _, c := range []struct {
		what  string
		build func(in items)
		want  []string
	}{
		{"nil functions", func(in items) { every(in, 1, nil, nil, sum) }, []string{
			"max: the function is nil", "min: the", "arg-max: the", "arg-min: the", "average: the", "sum-signed: the", "count-signed: the", "sum-decimal: the",
			"sum-float: the", "distinct: the", "approx-distinct: the", "quantiles: the", "top-of: the", "bottom-of: the", "first: the", "last: the", "reduce: the",
		}},
		{"limits", func(in items) { every(in, 0, bid.value, bid.text, sum) }, []string{"top-of: the limit must be positive, not 0", "bottom-of: the limit", "collect: the limit"}},
		{"no claim", func(in items) { every(in, 1, bid.value, bid.text, operators.Reduction[int64]{}) }, []string{"reduce: it needs a Reduction"}},
		{"no windows", func(in items) { operators.Deduplicate("ids", in, 0) }, []string{"deduplicate: ids are remembered for a window"}},
		{"sessions", func(in items) {
			operators.Deduplicate("ids", operators.Window(in, operators.Sessions(time.Second)), 0)
		}, []string{"not gap 1s session"}},
		{"hopping", func(in items) {
			operators.Deduplicate("ids", operators.Window(in, operators.Hopping(2*time.Second, time.Second)), 0)
		}, []string{"not hopping 2s every 1s"}},
		{"lateness", func(in items) {
			operators.Deduplicate("ids", operators.Window(in, operators.Tumbling(time.Second)), -1)
		}, []string{"deduplicate: the lateness must not be negative"}},
	} {
		p := pipeline.New("mistakes")
		all := readBids(p, 1)
		pipeline.Write(p, "out", all, sinks.Func{Name: "out"}, pipeline.EncodeJSON)
		c.build(operators.KeyBy(all, "item", bid.item))
		text := ""
		if err := p.Err(); err != nil {
			text = err.Error()
		}
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: want an error with %q, got %s", c.what, want, text)
			}
		}
		if got := strings.Count(text, "mistakes_test.go:"); got != len(c.want) {
			t.Errorf("%s: %d mistakes with a place, want %d: %s", c.what, got, len(c.want), text)
		}
	}
}

// The plan shows the claim of a reduction, what bounds a state, and that what passes once waits for nothing.
func TestAggregatesAreExplained(t *testing.T) {
	t.Parallel()
	p := pipeline.New("explained")
	all := readBids(p, 2)
	once := operators.Deduplicate("ids", operators.Window(operators.KeyBy(all, "id", identity), operators.Tumbling(time.Minute)), time.Second)
	byItem := operators.KeyBy(once, "item", bid.item)
	answer(p, "sum", operators.EndOfInput(), operators.Reduce("reduced", byItem, bid.value, sum), func(*operators.Reduced[int64]) string { return "" })
	answer(p, "all", operators.EndOfInput(), operators.Collect("collected", byItem, 7), func(*operators.Collected[bid]) string { return "" })
	pipeline.Write(p, "once", once, sinks.Func{Name: "once"}, pipeline.EncodeJSON)
	text, err := p.Explain()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`reduce reduced`, `asserted commutative and associative "sum"; state operators.Reduced[int64]`, "at most 7; state operators.Collected",
		"deduplicate ids", "lateness 1s; state ids, tumbling 1m0s windows", "behind an exchange from bids on id", "yields: unbounded, order: exchange, no duplicates, by id, stable",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan does not say %q:\n%s", want, text)
		}
	}
	document, err := p.Document()
	if err != nil {
		t.Fatal(err)
	}
	if points := document.PointsOfOrder; len(points) != 2 {
		t.Errorf("two seals wait, but the plan has %+v", points)
	}
}
