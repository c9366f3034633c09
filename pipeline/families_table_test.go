package pipeline_test

import (
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

const lateness = 8 * time.Second

var (
	tens   = operators.Tumbling(10 * time.Second)
	sealed = operators.Watermark(lateness)
	within = operators.Interval{Before: 2 * time.Second, After: 5 * time.Second, Lateness: lateness}
)

// windowed reads the left input by sensor in windows.
func (b *builder) windowed(w operators.Windows) operators.Keyed[string, sample] {
	return operators.Window(b.keyed("left"), w)
}

type hundredths struct{}

func (hundredths) Digits() int { return 2 }

// told are the values of each side, apart.
type told = crdt.Map[string, crdt.GSet[int64], *crdt.GSet[int64]]

func tell(side string) func(sample) told {
	return func(s sample) told { return crdt.MapOf(side, crdt.GSetOf(s.Value)) }
}

func isGone(s sample) bool { return s.Value%3 == 1 }

// families has every operator that keeps state, and the ways in which inputs become complete.
var families = []family{
	{name: "union, split and branch", build: func(b *builder) {
		all := operators.Union(b.read("left"), b.read("right"))
		even, odd := operators.Split(all, func(s sample) bool { return s.Value%2 == 0 })
		write(b, "even", operators.Map(even, sample.text), pipeline.EncodeText)
		thirds := operators.Branch(odd, func(s sample) bool { return s.Value%3 == 0 }, func(s sample) bool { return s.Value%3 == 1 })
		letters := operators.FlatMap(operators.Map(thirds[1], sample.text), func(s string) iter.Seq[string] { return strings.SplitSeq(s, "@") })
		write(b, "letters", letters, pipeline.EncodeText)
		again := operators.Union(even, thirds[0], thirds[2], even)
		counts := operators.Count("counts", operators.Window(operators.KeyBy(again, "sensor", sample.sensor), tens))
		seal(b, counts, "counts", sealed)
	}},
	{name: "thresholds, rankings and the late", build: func(b *builder) {
		keyed := b.windowed(tens)
		sums := operators.Sum("sums", keyed, sample.size)
		write(b, "many", operators.Threshold(sums, crdt.AtLeast(300)), pipeline.EncodeText)
		write(b, "late", operators.Late(keyed, sums), pipeline.EncodeJSON)
		seal(b, sums, "sums", sealed)
		write(b, "best", operators.TopK("best", operators.Seal(sums, sealed), 3, (*crdt.GCounter).Value), pipeline.EncodeJSON)
		seal(b, operators.Count("ever", operators.KeyBy(operators.Records(keyed), "sensor", sample.sensor)), "ever", operators.EndOfInput())
	}},
	{name: "hopping windows", build: func(b *builder) {
		keyed := b.windowed(operators.Hopping(12*time.Second, 4*time.Second).Offset(time.Second))
		sums := operators.Sum("sums", keyed, sample.size)
		seal(b, sums, "sums", sealed)
		write(b, "late", operators.Late(keyed, sums), pipeline.EncodeJSON)
	}},
	{name: "sessions", build: func(b *builder) {
		seal(b, operators.Sum("sums", b.windowed(operators.Sessions(9*time.Second)), sample.size), "sums", sealed)
	}},
	{name: "cogroup", build: func(b *builder) {
		left, right := b.both()
		both := operators.Cogroup("both", operators.Window(left, tens), tell("left"), operators.Window(right, tens), tell("right"))
		seal(b, both, "both", sealed)
	}},
	{name: "join", build: func(b *builder) {
		left, right := b.both()
		pairs := operators.Join("pairs", left, right, within, func(l, r sample) string { return pairOf(&l, &r) })
		write(b, "pairs", pairs, pipeline.EncodeText)
		counts := operators.Count("counts", operators.Window(operators.KeyBy(pairs, "first", func(s string) string { return s[:2] }), tens))
		seal(b, counts, "counts", operators.Watermark(0))
	}},
	{name: "left join and anti-join", build: func(b *builder) {
		left, right := b.both()
		write(b, "left", operators.LeftJoin("left-join", left, right, within, pairOf), pipeline.EncodeText)
		write(b, "anti", operators.AntiJoin("anti-join", left, right, within), pipeline.EncodeJSON)
	}},
	{name: "outer join", build: func(b *builder) {
		left, right := b.both()
		write(b, "outer", operators.OuterJoin("outer-join", left, right, within, pairOf), pipeline.EncodeText)
	}},
	{name: "lookup", build: func(b *builder) {
		left, right := b.both()
		table := operators.TableOf(right, isGone)
		found := operators.Lookup("found", left, table, sealed, func(l, r sample) string { return pairOf(&l, &r) })
		write(b, "inner", found, pipeline.EncodeText)
		all := operators.LeftLookup("all", left, table, operators.EndOfInput(), func(l sample, r *sample) string { return pairOf(&l, r) })
		write(b, "outer", all, pipeline.EncodeText)
	}},
	{name: "enrich", build: func(b *builder) {
		left := b.keyed("left")
		types := operators.Map(b.read("right"), func(s sample) string { return s.Sensor + " of some type" })
		table := operators.KeyBy(types, "sensor", func(s string) string { return s[:strings.Index(s, " ")] })
		rich := operators.Enrich("rich", left, table, func(s sample, of string) string { return s.text() + " is " + of })
		write(b, "rich", rich, pipeline.EncodeText)
		counts := operators.Count("counts", operators.Window(operators.KeyBy(rich, "all", func(string) string { return "" }), tens))
		seal(b, counts, "counts", sealed)
	}},
	{name: "join of tables", build: func(b *builder) {
		left, right := b.both()
		one, two := operators.TableOf(left, isGone), operators.TableOf(right, isGone)
		inner := operators.JoinTables("inner", one, two, sealed, func(l, r sample) string { return pairOf(&l, &r) })
		write(b, "inner", inner, pipeline.EncodeJSON)
		outer := operators.OuterJoinTables("outer", one, two, sealed, pairOf)
		write(b, "outer", outer, pipeline.EncodeJSON)
		some := operators.LeftJoinTables("some", one, two, operators.EndOfInput(), func(l sample, r *sample) string { return pairOf(&l, r) })
		write(b, "some", some, pipeline.EncodeJSON)
	}},
	{name: "minus", build: func(b *builder) {
		left, right := b.both()
		element := func(s sample) int64 { return s.Value % 4 }
		rest := operators.Minus("rest", operators.Window(left, tens), element, operators.Window(right, tens), element, sealed)
		write(b, "rest", rest, pipeline.EncodeJSON)
		keys := operators.MinusKeys("keys", operators.Window(left, tens), operators.Window(right, tens), sealed)
		write(b, "keys", keys, pipeline.EncodeText)
	}},
	{name: "seal by evidence", build: func(b *builder) {
		heard := operators.Aggregate("heard", b.keyed("left"), func(s sample) crdt.GSet[int] { return crdt.GSetOf(min(parts-1, max(0, s.At/40))) })
		all := crdt.All(crdt.Contains(0), crdt.Contains(1), crdt.Contains(2), crdt.Contains(3)) // of each part of the input something
		write(b, "all", operators.Finals(operators.SealWhen(heard, all)), encodeFinal[crdt.GSet[int]])
	}},
	{name: "sets, quantiles and extremes", build: func(b *builder) {
		keyed := b.windowed(operators.Tumbling(30 * time.Second))
		seal(b, operators.Distinct("distinct", keyed, sample.value), "distinct", sealed)
		seal(b, operators.ApproxDistinct("about", keyed, sample.text), "about", sealed)
		quantiles := operators.Quantiles("quantiles", keyed, sample.value)
		write(b, "soon", operators.Threshold(quantiles, sketch.ValuesAtLeast(100, 2)), pipeline.EncodeText)
		seal(b, quantiles, "quantiles", sealed)
		seal(b, operators.Max("max", keyed, sample.value), "max", sealed)
		seal(b, operators.ArgMin("arg-min", keyed, sample.value, sample.text), "arg-min", sealed)
		seal(b, operators.First("first", keyed, sample.value), "first", sealed)
		seal(b, operators.TopOf("top", keyed, 2, sample.value, sample.text), "top", sealed)
	}},
	{name: "reduce and collect", build: func(b *builder) {
		keyed := b.windowed(tens)
		digits := operators.AssertReduction("digits", func(a, b []int64) []int64 {
			both := slices.Concat(a, b)
			slices.Sort(both)
			return both
		})
		seal(b, operators.Reduce("reduced", keyed, func(s sample) []int64 { return []int64{s.Value % 10} }, digits), "reduced", sealed)
		seal(b, operators.Collect("collected", keyed, 3), "collected", sealed)
	}},
	{name: "sums with signs and points", build: func(b *builder) {
		keyed := b.windowed(tens)
		signed := func(s sample) int64 { return s.Value - 120 }
		sums := operators.SumSigned("signed", keyed, signed)
		write(b, "added", operators.Threshold(sums, exact.AddedAtLeast(50)), pipeline.EncodeText)
		seal(b, sums, "signed", sealed)
		seal(b, operators.SumDecimal("decimal", keyed, func(s sample) exact.Decimal[hundredths] { return exact.DecimalOf[hundredths](signed(s)) }), "decimal", sealed)
		seal(b, operators.SumFloat("float", keyed, func(s sample) float64 { return float64(signed(s)) / 7 }), "float", sealed)
		seal(b, operators.Average("average", keyed, signed), "average", sealed)
	}},
	{name: "deduplicate", build: func(b *builder) {
		ids := operators.Window(operators.KeyBy(b.read("left"), "id", sample.text), tens)
		once := operators.Deduplicate("once", ids, lateness)
		write(b, "once", operators.Map(once, sample.text), pipeline.EncodeText)
		seal(b, operators.Count("counts", operators.Window(operators.KeyBy(once, "sensor", sample.sensor), tens)), "counts", sealed)
	}},
	{name: "recorded cuts", feed: cutting, source: func(from *pipeline.Source[sample]) { from.Time, from.Cuts = nil, true }, build: func(b *builder) {
		keyed := b.keyed("left")
		seal(b, operators.Sum("between", operators.Window(keyed, operators.Cuts()), sample.size), "between", operators.RecordedCut())
		seal(b, operators.Sum("up-to", operators.Window(keyed, operators.UpToCut()), sample.size), "up-to", operators.RecordedCut())
	}},
	{name: "promises of producers", feed: promising, source: func(from *pipeline.Source[sample]) { from.Producers = []string{"one", "two"} }, build: func(b *builder) {
		keyed := b.keyed("left")
		seal(b, operators.Sum("sums", operators.Window(keyed, tens), sample.size), "sums", operators.Punctuation())
		seal(b, operators.Sum("hops", operators.Window(keyed, operators.Hopping(9*time.Second, 3*time.Second)), sample.size), "hops", operators.Punctuation())
	}},
	{name: "a seal of the user's", build: func(b *builder) {
		seal(b, operators.Count("counts", b.windowed(tens)), "counts", operators.Watermark(0))
	}, source: func(from *pipeline.Source[sample]) {
		from.Complete = func(m *pipeline.Message) time.Time {
			if s, err := pipeline.JSON[sample](m); err == nil && s.Value%5 == 0 {
				return s.time().Add(-10 * time.Second)
			}
			return time.Time{}
		}
	}},
}
