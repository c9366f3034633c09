package pipelinetest_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
	"github.com/calmstream/calmstream/sinks"
)

// example stands for the *testing.T of a test.
type example struct{}

func (example) Helper()                           {}
func (example) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// words counts words in windows of a minute. A word that comes twice is told at once.
func words() *pipeline.Pipeline {
	p := pipeline.New("words")
	lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "LINES", Decode: pipeline.Text})
	each := operators.KeyBy(operators.FlatMap(lines, strings.FieldsSeq), "word", strings.ToLower)
	counts := operators.Count("counts", operators.Window(each, operators.Tumbling(time.Minute)))
	pipeline.Write(p, "twice", operators.Threshold(counts, crdt.AtLeast(2)), sinks.Func{Name: "twice"}, pipeline.EncodeText)
	sealed := operators.Finals(operators.Seal(counts, operators.Watermark(5*time.Second)))
	pipeline.Write(p, "counts", sealed, sinks.Func{Name: "counts"}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Append(nil, f.Value.Value()), nil
	})
	return p
}

// A test of what a pipeline does: messages in, and what each has led to.
func ExampleDriver() {
	t := example{} // in a test, its *testing.T
	d := pipelinetest.NewDriver(t, words())
	show := func(when string) {
		for _, write := range []string{"twice", "counts"} {
			for _, r := range d.Results(write) {
				fmt.Printf("%s: %s %s, %s: %s\n", when, r.Verdict, write, r.Key, r.Payload)
			}
		}
		for _, r := range d.Rejected() {
			fmt.Printf("%s: late: %v, %q\n", when, r.Late, r.Payload)
		}
	}

	d.Push("lines", "keep calm")
	show("one line")
	d.Push("lines", "calm down")
	show("another") // an early answer: it waits for nothing
	d.Advance(70 * time.Second)
	d.Push("lines", "and CRDT on")
	show("a minute later") // the message says that the first window is over
	d.PushMessage("lines", pipelinetest.Message{Data: []byte("too late"), Stored: pipelinetest.Start})
	show("out of order")
	d.End()
	show("at the end")
	// Output:
	// another: stable twice, calm: calm
	// a minute later: final counts, calm: 2
	// a minute later: final counts, down: 1
	// a minute later: final counts, keep: 1
	// out of order: late: true, "too late"
	// out of order: late: true, "too late"
	// at the end: final counts, and: 1
	// at the end: final counts, crdt: 1
	// at the end: final counts, on: 1
}

// shops counts what two shops have sold each day, sealed by their promises.
func shops() *pipeline.Pipeline {
	p := pipeline.New("shops")
	sales := pipeline.Read(p, "sales", pipeline.Source[string]{Stream: "SALES", Producers: []string{"north", "south"}, Decode: pipeline.Text})
	fruit := operators.KeyBy(sales, "fruit", func(s string) string { return s })
	day := operators.Count("day", operators.Window(fruit, operators.Tumbling(24*time.Hour)))
	pipeline.Write(p, "day", operators.Finals(operators.Seal(day, operators.Punctuation())), sinks.Func{Name: "day"}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Appendf(nil, "%d %s", f.Value.Value(), f.Key), nil
	})
	return p
}

// A day is over when both shops say so, and not before.
func ExampleDriver_Promise() {
	d := pipelinetest.NewDriver(example{}, shops())
	evening := pipelinetest.Start.Add(24 * time.Hour)
	d.PushMessage("sales", pipelinetest.Message{Producer: "north", Data: []byte("apples")})
	d.PushMessage("sales", pipelinetest.Message{Producer: "south", Data: []byte("apples")})
	d.Promise("sales", "north", evening)
	fmt.Println(len(d.Results("day")), "results")
	d.Promise("sales", "south", evening)
	for _, r := range d.Results("day") {
		fmt.Println(r.Verdict, r.Payload)
	}
	// Output:
	// 0 results
	// final 2 apples
}

// The same under schedules: whatever comes late or twice, the day has what was promised.
func ExampleLog_Promise() {
	sold := pipelinetest.Log{Read: "sales"}
	sold.Publish("north", "apples")
	sold.Publish("south", "apples", "pears")
	for _, shop := range []string{"north", "south"} {
		sold.Promise(shop, pipelinetest.Start.Add(24*time.Hour))
	}
	out, err := pipelinetest.Run(shops, []pipelinetest.Log{sold}, pipelinetest.Options{Rounds: 5})
	if err != nil {
		fmt.Println(err)
	}
	for _, r := range out.Results {
		fmt.Println(r.Verdict, r.Payload)
	}
	// Output:
	// final 2 apples
	// final 1 pears
}
