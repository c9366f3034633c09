package operators_test

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/exact"
	"github.com/calmstream/calmstream/crdt/sketch"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
)

// temperature is a line such as "roof -3".
type temperature struct {
	Place   string
	Degrees int64
}

func parseTemperature(line string) (t temperature) {
	_, _ = fmt.Sscan(line, &t.Place, &t.Degrees)
	return t
}

func (t temperature) place() string  { return t.Place }
func (t temperature) degrees() int64 { return t.Degrees }
func everywhere(temperature) string  { return "everywhere" }

// print writes what text says of each state at the end of the input.
func print[L any](p *pipeline.Pipeline, g operators.Growing[string, L], text func(*L) string) {
	finals := operators.Finals(operators.Seal(g, operators.EndOfInput()))
	pipeline.Write(p, "out", finals, out, func(f operators.Final[string, L]) ([]byte, error) {
		return fmt.Appendf(nil, "%s %s", f.Key, text(&f.Value)), nil
	})
}

func ExampleMax() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byPlace := operators.KeyBy(operators.Map(lines, parseTemperature), "place", temperature.place)
		highest := operators.Max("highest", byPlace, temperature.degrees)
		hot := operators.Threshold(highest, crdt.MaxAtLeast[int64](30)) // at once, and never taken back
		pipeline.Write(p, "out", hot, out, pipeline.EncodeText)
	}, "roof 12", "roof 31", "cellar 9", "roof 8")
	// Output: stable roof
}

func ExampleMin() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byPlace := operators.KeyBy(operators.Map(lines, parseTemperature), "place", temperature.place)
		print(p, operators.Min("lowest", byPlace, temperature.degrees), func(m *crdt.Min[int64]) string {
			v, _ := m.Value()
			return fmt.Sprint(v)
		})
	}, "roof 12", "roof -3", "cellar 9")
	// Output:
	// final cellar 9
	// final roof -3
}

func ExampleArgMax() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		all := operators.KeyBy(operators.Map(lines, parseTemperature), "all", everywhere)
		print(p, operators.ArgMax("hottest", all, temperature.degrees, temperature.place), func(m *crdt.ArgMax[int64, string]) string {
			degrees, place, _ := m.Best()
			return fmt.Sprint(place, " ", degrees)
		})
	}, "roof 12", "attic 31", "cellar 9", "stove 31")
	// Output: final everywhere attic 31
}

func ExampleArgMin() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		all := operators.KeyBy(operators.Map(lines, parseTemperature), "all", everywhere)
		print(p, operators.ArgMin("coldest", all, temperature.degrees, temperature.place), func(m *crdt.ArgMin[int64, string]) string {
			degrees, place, _ := m.Best()
			return fmt.Sprint(place, " ", degrees)
		})
	}, "roof 12", "cellar 9")
	// Output: final everywhere cellar 9
}

func ExampleAverage() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byPlace := operators.KeyBy(operators.Map(lines, parseTemperature), "place", temperature.place)
		print(p, operators.Average("average", byPlace, temperature.degrees), func(s *exact.Sum) string {
			mean, _ := s.Mean()
			return fmt.Sprint(mean, " of ", s.Count())
		})
	}, "roof 12", "roof -3", "cellar 9", "roof 3")
	// Output:
	// final cellar 9 of 1
	// final roof 4 of 3
}

// Money goes in and out: what is left is known at the end, how much went in is a lower bound at any time.
func ExampleSumSigned() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		accounts := operators.KeyBy(operators.Map(lines, parseTemperature), "account", temperature.place)
		balance := operators.SumSigned("balance", accounts, temperature.degrees)
		print(p, balance, func(s *exact.Sum) string {
			v, _ := s.Int64()
			return fmt.Sprint(v)
		})
		pipeline.Write(p, "paid-in", operators.Threshold(balance, exact.AddedAtLeast(100)), out2, pipeline.EncodeText)
	}, "ann 60", "bob 10", "ann -55", "ann 50")
	// Output:
	// final ann 55
	// final bob 10
	// stable ann
}

// Items are put into a basket and taken out again.
func ExampleCountSigned() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		baskets := operators.KeyBy(lines, "basket", func(s string) string { return s[1:] })
		items := operators.CountSigned("items", baskets, func(s string) bool { return s[0] == '-' })
		print(p, items, func(s *exact.Sum) string {
			v, _ := s.Int64()
			return fmt.Sprint(v)
		})
	}, "+ann", "+ann", "+bob", "-ann", "+ann")
	// Output:
	// final ann 2
	// final bob 1
}

func ExampleSumDecimal() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		all := operators.KeyBy(lines, "all", func(string) string { return "all" })
		price := func(s string) exact.Decimal[cents] { // type cents struct{}; func (cents) Digits() int { return 2 }
			d, _ := exact.ParseDecimal[cents](s) // better in the decoder: there an error is a dead letter
			return d
		}
		print(p, operators.SumDecimal("revenue", all, price), func(s *exact.DecimalSum[cents]) string {
			v, _ := s.Value()
			return v.String()
		})
	}, "0.10", "0.20", "-1000000000000000000000.00")
	// Output: final all -999999999999999999999.70
}

func ExampleSumFloat() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		all := operators.KeyBy(lines, "all", func(string) string { return "all" })
		number := func(s string) (f float64) {
			_, _ = fmt.Sscan(s, &f)
			return f
		}
		print(p, operators.SumFloat("sum", all, number), func(s *exact.FloatSum) string { return fmt.Sprint(s.Value()) })
	}, "1e16", "1", "-1e16") // with float64s one after the other it is 0
	// Output: final all 1
}

func ExampleDistinct() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byInitial := operators.KeyBy(lines, "initial", func(s string) string { return s[:1] })
		print(p, operators.Distinct("words", byInitial, strings.ToLower), func(s *crdt.GSet[string]) string {
			return strings.Join(slices.Collect(s.All()), ", ")
		})
	}, "calm", "crdt", "calm", "potato")
	// Output:
	// final c calm, crdt
	// final p potato
}

func ExampleApproxDistinct() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byInitial := operators.KeyBy(lines, "initial", func(s string) string { return s[:1] })
		words := operators.ApproxDistinct("words", byInitial, strings.ToLower)
		pipeline.Write(p, "out", operators.Threshold(words, sketch.DistinctAtLeast(2)), out, pipeline.EncodeText)
	}, "calm", "calm", "crdt", "potato")
	// Output: stable c
}

func ExampleQuantiles() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byPlace := operators.KeyBy(operators.Map(lines, parseTemperature), "place", temperature.place)
		print(p, operators.Quantiles("temperatures", byPlace, temperature.degrees), func(q *sketch.Quantiles) string {
			median, _ := q.Quantile(0.5)
			return fmt.Sprint(median)
		})
	}, "roof 12", "roof -3", "roof 40")
	// Output: final roof 12
}

func ExampleTopOf() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		all := operators.KeyBy(operators.Map(lines, parseTemperature), "all", everywhere)
		print(p, operators.TopOf("hot", all, 2, temperature.degrees, temperature.place), func(k *crdt.TopK[string, int64]) string {
			return strings.Join(ranking(k.All()), ", ")
		})
	}, "roof 12", "attic 31", "cellar 9", "roof 20")
	// Output: final everywhere attic 31, roof 20
}

func ExampleBottomOf() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		all := operators.KeyBy(operators.Map(lines, parseTemperature), "all", everywhere)
		print(p, operators.BottomOf("cold", all, 2, temperature.degrees, temperature.place), func(k *crdt.BottomK[string, int64]) string {
			return strings.Join(ranking(k.All()), ", ")
		})
	}, "roof 12", "attic 31", "cellar 9", "roof 20")
	// Output: final everywhere cellar 9, roof 12
}

func ExampleLast() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byPlace := operators.KeyBy(operators.Map(lines, parseTemperature), "place", temperature.place)
		print(p, operators.Last("now", byPlace, temperature.degrees), func(l *crdt.LastByTime[int64]) string {
			v, _ := l.Value()
			return fmt.Sprint(v)
		})
	}, "roof 12", "cellar 9", "roof 20")
	// Output:
	// final cellar 9
	// final roof 20
}

func ExampleFirst() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byPlace := operators.KeyBy(operators.Map(lines, parseTemperature), "place", temperature.place)
		print(p, operators.First("morning", byPlace, temperature.degrees), func(f *crdt.FirstByTime[int64]) string {
			v, _ := f.Value()
			return fmt.Sprint(v)
		})
	}, "roof 12", "cellar 9", "roof 20")
	// Output:
	// final cellar 9
	// final roof 12
}

func ExampleCollect() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byPlace := operators.KeyBy(operators.Map(lines, parseTemperature), "place", temperature.place)
		print(p, operators.Collect("readings", byPlace, 2), func(c *operators.Collected[temperature]) string {
			readings, _ := c.Records()
			return fmt.Sprint(readings, ", of ", c.Total())
		})
	}, "roof 12", "cellar 9", "roof 20", "roof 7")
	// Output:
	// final cellar [{cellar 9}], of 1
	// final roof [{roof 12} {roof 20}], of 3
}

// The product of all numbers, modulo a prime.
func ExampleReduce() {
	product := operators.AssertReduction("product mod 97", func(a, b uint64) uint64 { return a * b % 97 })
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		all := operators.KeyBy(lines, "all", func(string) string { return "all" })
		number := func(s string) (n uint64) {
			_, _ = fmt.Sscan(s, &n)
			return n
		}
		print(p, operators.Reduce("product", all, number, product), func(r *operators.Reduced[uint64]) string {
			v, _ := r.Value()
			return fmt.Sprint(v)
		})
	}, "10", "20", "30")
	// Output: final all 83
}

func ExampleAssertReduction() {
	sum := operators.AssertReduction("sum", func(a, b int64) int64 { return a + b })
	fmt.Println(sum, sum.Combine(2, 3))
	// Output: asserted commutative and associative "sum" 5
}

func ExampleAssertSemilattice() {
	longest := operators.AssertSemilattice("longest", func(a, b int) int { return max(a, b) })
	fmt.Println(longest, longest.Idempotent())
	// Output: asserted semilattice "longest" true
}

// A producer that is not sure writes again.
func ExampleDeduplicate() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		orders := operators.Window(operators.KeyBy(lines, "order", func(s string) string { return s }), operators.Tumbling(time.Hour))
		pipeline.Write(p, "out", operators.Deduplicate("orders", orders, time.Minute), out, pipeline.EncodeText)
	}, "order 1", "order 2", "order 1", "order 3")
	// Output:
	// stable order 1
	// stable order 2
	// stable order 3
}

// ranking lists what a ranking yields.
func ranking(all iter.Seq2[string, int64]) (lines []string) {
	for v, score := range all {
		lines = append(lines, fmt.Sprint(v, " ", score))
	}
	return lines
}
