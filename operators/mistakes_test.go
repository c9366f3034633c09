package operators_test

import (
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
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
		{"bounds", func(in items) {
			counts := operators.Count("counts", in)
			operators.Bounds[string, crdt.GCounter, crdt.Max[uint64]](counts, nil, crdt.CountOf(), 1)
			operators.Bounds(counts, crdt.CountOf(), nil, 1)
			operators.Bounds(counts, crdt.CountOf(), crdt.CountOf(), 0)
			operators.Bounds(operators.Count("sessions", operators.Window(in, operators.Sessions(time.Second))), crdt.CountOf(), crdt.CountOf(), 1)
		}, []string{"bounds: the function is nil", "bounds: the function", "bounds: every must be positive", "bounds: sessions grow and merge"}},
		{"bounds taken for records", func(in items) {
			bounds := operators.Bounds(operators.Count("counts", in), crdt.CountOf(), crdt.CountOf(), 1)
			operators.Map(bounds, func(b operators.Bound[string, crdt.Max[uint64]]) string { return b.Key })
		}, []string{"map: it takes the lower bounds of counts"}},
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
	answer(p, "signed", operators.EndOfInput(), operators.SumSigned("signed", byItem, bid.value), func(*exact.Sum) string { return "" })
	answer(p, "decimal", operators.EndOfInput(), operators.SumDecimal("decimal", byItem, bid.price), func(*exact.DecimalSum[cents]) string { return "" })
	answer(p, "float", operators.EndOfInput(), operators.SumFloat("float", byItem, bid.weight), func(*exact.FloatSum) string { return "" })
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
	if points := document.PointsOfOrder; len(points) != 5 {
		t.Errorf("five seals wait, but the plan has %+v", points)
	}
	// What can go back is no lower bound.
	for _, o := range document.Operators {
		verdict, ok := map[string]string{"reduced": "provisional", "signed": "provisional", "decimal": "provisional", "float": "provisional", "collected": "lower-bound"}[o.Name]
		if ok && o.State != nil && !strings.HasSuffix(o.Yields, "by item, "+verdict) {
			t.Errorf("%s yields %q, which does not end in %q", o.Name, o.Yields, verdict)
		}
	}
}
