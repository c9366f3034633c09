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
