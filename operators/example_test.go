package operators_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
	"github.com/calmstream/calmstream/sinks"
)

// run runs a pipeline in memory on the lines of an input and prints its results.
func run(build func(p *pipeline.Pipeline, lines operators.Stream[string]), lines ...string) {
	in := pipelinetest.Log{Read: "lines"}
	for _, line := range lines {
		in.Messages = append(in.Messages, []byte(line))
	}
	out, err := pipelinetest.Run(func() *pipeline.Pipeline {
		p := pipeline.New("example")
		build(p, pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "LINES", Decode: pipeline.Text}))
		return p
	}, []pipelinetest.Log{in}, pipelinetest.Options{Rounds: 5})
	if err != nil {
		fmt.Println(err)
	}
	for _, r := range out.Results {
		fmt.Println(r.Verdict, r.Payload)
	}
}

// out and out2 stand for real destinations.
var out, out2 = sinks.Func{Name: "out"}, sinks.Func{Name: "out2"}

func ExampleMap() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		pipeline.Write(p, "out", operators.Map(lines, strings.ToUpper), out, pipeline.EncodeText)
	}, "calm", "crdt")
	// Output:
	// stable CALM
	// stable CRDT
}

func ExampleFilter() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		long := operators.Filter(lines, func(s string) bool { return len(s) > 4 })
		pipeline.Write(p, "out", long, out, pipeline.EncodeText)
	}, "calm", "stream")
	// Output: stable stream
}

func ExampleFlatMap() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		pipeline.Write(p, "out", operators.FlatMap(lines, strings.FieldsSeq), out, pipeline.EncodeText)
	}, "keep calm", "and crdt on")
	// Output:
	// stable keep
	// stable calm
	// stable and
	// stable crdt
	// stable on
}

func ExampleCount() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		words := operators.FlatMap(lines, strings.FieldsSeq)
		counts := operators.Count("counts", operators.KeyBy(words, "word", strings.ToLower))
		finals := operators.Finals(operators.Seal(counts, operators.EndOfInput()))
		pipeline.Write(p, "out", finals, out, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
			return fmt.Appendf(nil, "%s %d", f.Key, f.Value.Value()), nil
		})
	}, "the potato", "the Ferrari")
	// Output:
	// final ferrari 1
	// final potato 1
	// final the 2
}

// sale is a line such as "garden 30".
type sale struct {
	Shop  string
	Cents uint64
}

func parseSale(line string) (s sale) {
	_, _ = fmt.Sscan(line, &s.Shop, &s.Cents) // a line that is no sale counts as nothing
	return s
}

func (s sale) shop() string  { return s.Shop }
func (s sale) cents() uint64 { return s.Cents }

func ExampleSum() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byShop := operators.KeyBy(operators.Map(lines, parseSale), "shop", sale.shop)
		revenue := operators.Sum("revenue", byShop, sale.cents)
		rich := operators.Threshold(revenue, crdt.AtLeast(50))
		pipeline.Write(p, "out", rich, out, pipeline.EncodeText)
	}, "garden 30", "corner 10", "garden 30", "garden 30")
	// Output: stable garden
}

func ExampleAggregate() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byShop := operators.KeyBy(operators.Map(lines, parseSale), "shop", sale.shop)
		dearest := operators.Aggregate("dearest", byShop, func(s sale) crdt.Max[uint64] { return crdt.MaxOf(s.Cents) })
		finals := operators.Finals(operators.Seal(dearest, operators.EndOfInput()))
		pipeline.Write(p, "out", finals, out, func(f operators.Final[string, crdt.Max[uint64]]) ([]byte, error) {
			cents, _ := f.Value.Value()
			return fmt.Appendf(nil, "%s %d", f.Key, cents), nil
		})
	}, "garden 30", "corner 10", "garden 70", "corner 20")
	// Output:
	// final corner 20
	// final garden 70
}

func ExampleThreshold() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		votes := operators.Aggregate("votes", operators.KeyBy(lines, "motion", func(string) string { return "motion 1" }),
			func(voter string) (s crdt.GSet[string]) {
				s.Add(voter)
				return s
			})
		quorum := operators.Threshold(votes, crdt.SizeAtLeast[string](3)) // a voter who votes twice counts once
		pipeline.Write(p, "out", quorum, out, pipeline.EncodeText)
	}, "ann", "bob", "ann", "cid", "dan")
	// Output: stable motion 1
}

// event is a line such as {"at":12,"page":"home"}.
type event struct {
	At   int64
	Page string
}

// views counts page views in windows of ten seconds.
func views(p *pipeline.Pipeline) operators.Growing[string, crdt.GCounter] {
	events := pipeline.Read(p, "lines", pipeline.Source[event]{
		Stream: "VIEWS",
		Decode: pipeline.JSON[event],
		Time:   func(e event) time.Time { return time.Unix(e.At, 0) },
	})
	byPage := operators.KeyBy(events, "page", func(e event) string { return e.Page })
	return operators.Count("views", operators.Window(byPage, operators.Tumbling(10*time.Second)))
}

// runViews is run for pipelines over views.
func runViews(build func(p *pipeline.Pipeline, counts operators.Growing[string, crdt.GCounter]), events ...string) {
	in := pipelinetest.Log{Read: "lines"}
	for _, e := range events {
		in.Messages = append(in.Messages, []byte(e))
	}
	out, err := pipelinetest.Run(func() *pipeline.Pipeline {
		p := pipeline.New("example")
		build(p, views(p))
		return p
	}, []pipelinetest.Log{in}, pipelinetest.Options{Rounds: 5})
	if err != nil {
		fmt.Println(err)
	}
	for _, r := range out.Results {
		fmt.Println(r.Verdict, r.Identity, r.Payload)
	}
	for _, reason := range out.Rejected {
		fmt.Println(reason)
	}
}

func ExampleSeal() {
	runViews(func(p *pipeline.Pipeline, counts operators.Growing[string, crdt.GCounter]) {
		sealed := operators.Seal(counts, operators.Watermark(2*time.Second))
		pipeline.Write(p, "out", operators.Finals(sealed), out, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
			return fmt.Append(nil, f.Value.Value()), nil
		})
	},
		`{"at":3,"page":"home"}`, `{"at":11,"page":"home"}`,
		`{"at":8,"page":"home"}`,  // out of order, within the two seconds
		`{"at":12,"page":"home"}`, // seals the first window
		`{"at":9,"page":"home"}`,  // late
	)
	// Output:
	// final 1970-01-01T00:00:00Z/1970-01-01T00:00:10Z "home" 0 2
	// final 1970-01-01T00:00:10Z/1970-01-01T00:00:20Z "home" 0 2
	// late: window 1970-01-01T00:00:00Z/1970-01-01T00:00:10Z was sealed when its shard had seen event time 1970-01-01T00:00:12Z (event-time watermark, lateness 2s)
}

func ExampleTopK() {
	runViews(func(p *pipeline.Pipeline, counts operators.Growing[string, crdt.GCounter]) {
		top := operators.TopK("top", operators.Seal(counts, operators.EndOfInput()), 2, (*crdt.GCounter).Value)
		pipeline.Write(p, "out", top, out, func(r []operators.Ranked[string, uint64]) ([]byte, error) { return json.Marshal(r) })
	}, `{"at":1,"page":"home"}`, `{"at":2,"page":"shop"}`, `{"at":3,"page":"shop"}`, `{"at":4,"page":"help"}`)
	// Output: final 1970-01-01T00:00:00Z/1970-01-01T00:00:10Z "" 0 [{"key":"shop","score":2},{"key":"help","score":1}]
}

func ExampleHopping() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		words := operators.KeyBy(lines, "word", strings.ToLower)
		counts := operators.Count("counts", operators.Window(words, operators.Hopping(4*time.Second, 2*time.Second)))
		pipeline.Write(p, "out", operators.Finals(operators.Seal(counts, operators.Watermark(0))), out,
			func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
				from, to := time.Unix(0, f.Window.Start).UTC(), time.Unix(0, f.Window.End).UTC()
				return fmt.Appendf(nil, "%s to %s: %s %d", from.Format("05"), to.Format("05"), f.Key, f.Value.Value()), nil
			})
	}, "calm", "calm", "calm") // stored at second 0, 1 and 2
	// Unordered output:
	// final 58 to 02: calm 2
	// final 00 to 04: calm 3
	// final 02 to 06: calm 1
}

func ExampleWithCodec() {
	upper := operators.Codec[string]{
		Name:   "upper",
		Append: func(b []byte, v string) ([]byte, error) { return append(b, strings.ToUpper(v)...), nil },
		Decode: func(data []byte) (string, error) { return strings.ToLower(string(data)), nil },
	}
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		lines = operators.WithCodec(lines, upper)          // where records leave the shard
		pipeline.Write(p, "out", lines, out, upper.Encode) // and for results
	}, "calm")
	// Output: stable CALM
}

func ExampleUnion() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		short := operators.Filter(lines, func(s string) bool { return len(s) <= 4 })
		loud := operators.Map(lines, strings.ToUpper)
		pipeline.Write(p, "out", operators.Union(short, loud), out, pipeline.EncodeText)
	}, "calm", "stream")
	// Unordered output:
	// stable calm
	// stable CALM
	// stable STREAM
}

func ExampleKeyBy() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byInitial := operators.KeyBy(lines, "initial", func(s string) string { return s[:1] })
		often := operators.Threshold(operators.Count("initials", byInitial), crdt.AtLeast(2))
		pipeline.Write(p, "out", often, out, pipeline.EncodeText)
	}, "potato", "ferrari", "fig")
	// Output: stable f
}

func ExampleWindow() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		// The lines of an example are stored one second apart, beginning at midnight.
		byLine := operators.KeyBy(lines, "line", func(s string) string { return s })
		inPairs := operators.Window(byLine, operators.Tumbling(2*time.Second))
		finals := operators.Finals(operators.Seal(operators.Count("counts", inPairs), operators.Watermark(0)))
		pipeline.Write(p, "out", finals, out, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
			start := time.Unix(0, f.Window.Start).UTC().Format(time.TimeOnly)
			return fmt.Appendf(nil, "%s %s %d", start, f.Key, f.Value.Value()), nil
		})
	}, "a", "a", "a", "b")
	// Output:
	// final 00:00:00 a 2
	// final 00:00:02 a 1
	// final 00:00:02 b 1
}

func ExampleTumbling() {
	w := operators.Tumbling(time.Minute) // [00:00, 00:01), [00:01, 00:02), …
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byLine := operators.Window(operators.KeyBy(lines, "line", func(s string) string { return s }), w)
		pipeline.Write(p, "out", operators.Threshold(operators.Count("counts", byLine), crdt.AtLeast(2)), out, pipeline.EncodeText)
	}, "a", "b", "a")
	// Output: stable a
}

func ExampleGlobalWindow() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byLine := operators.Window(operators.KeyBy(lines, "line", func(s string) string { return s }), operators.GlobalWindow())
		pipeline.Write(p, "out", operators.Threshold(operators.Count("counts", byLine), crdt.AtLeast(3)), out, pipeline.EncodeText)
	}, "a", "b", "a", "a")
	// Output: stable a
}

func ExampleFinals() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		counts := operators.Count("counts", operators.KeyBy(lines, "line", func(s string) string { return s }))
		finals := operators.Finals(operators.Seal(counts, operators.EndOfInput()))
		// Behind the seal any question is allowed, also those whose answer could have changed before.
		once := operators.Filter(finals, func(f operators.Final[string, crdt.GCounter]) bool { return f.Value.Value() == 1 })
		pipeline.Write(p, "out", once, out, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) { return []byte(f.Key), nil })
	}, "a", "b", "a")
	// Output: final b
}

func ExampleWatermark() {
	sealing := operators.Watermark(30 * time.Second) // records may trail the latest of their shard by 30 s
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byLine := operators.Window(operators.KeyBy(lines, "line", func(s string) string { return s }), operators.Tumbling(time.Second))
		finals := operators.Finals(operators.Seal(operators.Count("counts", byLine), sealing))
		pipeline.Write(p, "out", finals, out, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) { return []byte(f.Key), nil })
	}, "a", "b")
	// Output:
	// final a
	// final b
}

func ExampleEndOfInput() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		counts := operators.Count("counts", operators.KeyBy(lines, "line", func(s string) string { return s }))
		top := operators.TopK("top", operators.Seal(counts, operators.EndOfInput()), 1, (*crdt.GCounter).Value)
		pipeline.Write(p, "out", top, out, pipeline.EncodeJSON)
	}, "a", "b", "a")
	// Output: final [{"key":"a","score":2}]
}
