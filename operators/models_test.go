package operators_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/exact"
	"github.com/calmstream/calmstream/crdt/sketch"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
)

// cents are the decimals of the tests.
type cents struct{}

func (cents) Digits() int { return 2 }

func (b bid) price() exact.Decimal[cents] { return exact.DecimalOf[cents](b.Value * 101) }
func (b bid) weight() float64             { return float64(b.Value) / 7 * 1e-3 }
func (b bid) text() string                { return fmt.Sprint(b.Value) }

type squares struct {
	Sum int64 `json:"sum"`
	Of  int   `json:"of"`
}

func (b bid) square() squares { return squares{b.Value * b.Value, 1} }

// sumOfSquares is commutative and associative, and far from idempotent.
var sumOfSquares = operators.AssertReduction("sum of squares", func(a, b squares) squares { return squares{a.Sum + b.Sum, a.Of + b.Of} })

type (
	sealing = operators.Sealing
	items   = operators.Keyed[string, bid]
)

// aggregates are all, each with its definition: a loop over the bids of one item and window, in any order.
var aggregates = []struct {
	name  string
	build func(p *pipeline.Pipeline, name string, when sealing, in items)
	model func(of []bid) string
}{
	{"max", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		answer(p, name, when, operators.Max(name, in, bid.text), func(m *crdt.Max[string]) string { v, _ := m.Value(); return v })
	}, func(of []bid) string { return slices.Max(texts(of)) }},
	{"min", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		answer(p, name, when, operators.Min(name, in, bid.value), func(m *crdt.Min[int64]) string { v, _ := m.Value(); return fmt.Sprint(v) })
	}, func(of []bid) string { return fmt.Sprint(slices.Min(values(of))) }},
	{"arg-max", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		answer(p, name, when, operators.ArgMax(name, in, mod5, bid.text), func(m *crdt.ArgMax[int64, string]) string { s, v, _ := m.Best(); return fmt.Sprint(s, v) })
	}, func(of []bid) string {
		best := slices.MinFunc(of, func(a, b bid) int { return order(mod5(b)-mod5(a), a, b) })
		return fmt.Sprint(mod5(best), best.text())
	}},
	{"arg-min", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		answer(p, name, when, operators.ArgMin(name, in, mod5, bid.text), func(m *crdt.ArgMin[int64, string]) string { s, v, _ := m.Best(); return fmt.Sprint(s, v) })
	}, func(of []bid) string {
		best := slices.MinFunc(of, func(a, b bid) int { return order(mod5(a)-mod5(b), a, b) })
		return fmt.Sprint(mod5(best), best.text())
	}},
	{"average", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		answer(p, name, when, operators.Average(name, in, bid.value), func(s *exact.Sum) string { v, _ := s.Mean(); return fmt.Sprint(v) })
	}, func(of []bid) string { return fmt.Sprint(float64(total(values(of))) / float64(len(of))) }},
	{"sum-signed", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		answer(p, name, when, operators.SumSigned(name, in, bid.value), func(s *exact.Sum) string { v, _ := s.Int64(); return fmt.Sprint(v) })
	}, func(of []bid) string { return fmt.Sprint(total(values(of))) }},
	{"count-signed", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		g := operators.CountSigned(name, in, func(b bid) bool { return b.Value < 0 })
		answer(p, name, when, g, func(s *exact.Sum) string { v, _ := s.Int64(); return fmt.Sprint(v) })
	}, func(of []bid) string {
		n := 0
		for _, b := range of {
			if n++; b.Value < 0 {
				n -= 2
			}
		}
		return fmt.Sprint(n)
	}},
	{"sum-decimal", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		answer(p, name, when, operators.SumDecimal(name, in, bid.price), func(s *exact.DecimalSum[cents]) string { v, _ := s.Value(); return v.String() })
	}, func(of []bid) string { return big.NewRat(total(values(of))*101, 100).FloatString(2) }},
	{"sum-float", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		answer(p, name, when, operators.SumFloat(name, in, bid.weight), func(s *exact.FloatSum) string { return fmt.Sprint(s.Value()) })
	}, func(of []bid) string {
		sum := new(big.Rat)
		for _, b := range of {
			sum.Add(sum, new(big.Rat).SetFloat64(b.weight()))
		}
		f, _ := sum.Float64()
		return fmt.Sprint(f)
	}},
	{"distinct", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		answer(p, name, when, operators.Distinct(name, in, bid.value), func(s *crdt.GSet[int64]) string { return fmt.Sprint(slices.Collect(s.All())) })
	}, func(of []bid) string { return fmt.Sprint(slices.Compact(slices.Sorted(slices.Values(values(of))))) }},
	{"approx-distinct", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		answer(p, name, when, operators.ApproxDistinct(name, in, bid.text), func(s *sketch.Distinct) string { return fmt.Sprint(s.Estimate()) })
	}, func(of []bid) string {
		return fmt.Sprint(len(slices.Compact(slices.Sorted(slices.Values(texts(of))))))
	}},
	{"quantiles", func(p *pipeline.Pipeline, name string, when sealing, in items) { // values below 128 have a bin each
		answer(p, name, when, operators.Quantiles(name, in, bid.value), func(q *sketch.Quantiles) string {
			median, _ := q.Quantile(0.5)
			return fmt.Sprint(median, q.Count())
		})
	}, func(of []bid) string {
		return fmt.Sprint(slices.Sorted(slices.Values(values(of)))[(len(of)-1)/2], len(of))
	}},
	{"top-of", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		answer(p, name, when, operators.TopOf(name, in, 3, mod5, bid.text), func(k *crdt.TopK[string, int64]) (s string) {
			for v, score := range k.All() {
				s += fmt.Sprint(v, " ", score, ";")
			}
			return s
		})
	}, func(of []bid) string { return best(of, func(a, b bid) int { return order(mod5(b)-mod5(a), a, b) }) }},
	{"bottom-of", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		answer(p, name, when, operators.BottomOf(name, in, 3, mod5, bid.text), func(k *crdt.BottomK[string, int64]) (s string) {
			for v, score := range k.All() {
				s += fmt.Sprint(v, " ", score, ";")
			}
			return s
		})
	}, func(of []bid) string { return best(of, func(a, b bid) int { return order(mod5(a)-mod5(b), a, b) }) }},
	{"first", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		answer(p, name, when, operators.First(name, in, bid.value), func(f *crdt.FirstByTime[int64]) string { v, _ := f.Value(); return fmt.Sprint(v) })
	}, func(of []bid) string {
		return fmt.Sprint(slices.MinFunc(of, byTimeAndValue).Value)
	}},
	{"last", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		answer(p, name, when, operators.Last(name, in, bid.value), func(f *crdt.LastByTime[int64]) string { v, _ := f.Value(); return fmt.Sprint(v) })
	}, func(of []bid) string {
		return fmt.Sprint(slices.MaxFunc(of, byTimeAndValue).Value)
	}},
	{"collect", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		answer(p, name, when, operators.Collect(name, in, 5), func(c *operators.Collected[bid]) string {
			records, err := c.Records()
			return fmt.Sprint(records, err, c.Total(), c.Complete())
		})
	}, func(of []bid) string {
		all := slices.SortedFunc(slices.Values(of), func(a, b bid) int {
			x, _ := json.Marshal(a)
			y, _ := json.Marshal(b)
			return order(a.At-b.At, bid{}, bid{}) + strings.Compare(string(x), string(y))*boolean(a.At == b.At)
		})
		return fmt.Sprint(all[:min(5, len(all))], nil, len(all), len(all) <= 5)
	}},
	{"reduce", func(p *pipeline.Pipeline, name string, when sealing, in items) {
		answer(p, name, when, operators.Reduce(name, in, bid.square, sumOfSquares), func(r *operators.Reduced[squares]) string { v, ok := r.Value(); return fmt.Sprint(v, ok, r.Count()) })
	}, func(of []bid) string {
		sum := squares{Of: len(of)}
		for _, b := range of {
			sum.Sum += b.Value * b.Value
		}
		return fmt.Sprint(sum, true, len(of))
	}},
}

func mod5(b bid) int64 { return (b.Value%5 + 5) % 5 }

func values(of []bid) (all []int64) {
	for _, b := range of {
		all = append(all, b.Value)
	}
	return all
}

func texts(of []bid) (all []string) {
	for _, b := range of {
		all = append(all, b.text())
	}
	return all
}

func total(all []int64) (sum int64) {
	for _, v := range all {
		sum += v
	}
	return sum
}

// order is the sign of first, or the order of two texts if that is 0.
func order(first int64, a, b bid) int {
	if first != 0 {
		return int(first)
	}
	return strings.Compare(a.text(), b.text())
}

func byTimeAndValue(a, b bid) int { return int((a.At-b.At)*1000 + a.Value - b.Value) }

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// best lists the first three texts with their scores. A text has one score, since both come from the value.
func best(of []bid, compare func(a, b bid) int) (s string) {
	n, last := 0, ""
	for _, b := range slices.SortedFunc(slices.Values(of), compare) {
		if b.text() != last && n < 3 {
			s += fmt.Sprint(b.text(), " ", mod5(b), ";")
			n, last = n+1, b.text()
		}
	}
	return s
}
