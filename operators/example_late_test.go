package operators_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
	"github.com/calmstream/calmstream/sinks"
)

// What comes after the seal of its window is not in the result: the pipeline can see to it all the same.
func ExampleLate() {
	stamped := func(line string) time.Time {
		minute, _ := strconv.Atoi(line[:2])
		return time.Date(2024, 1, 1, 0, minute, 0, 0, time.UTC)
	}
	in := pipelinetest.Log{Read: "lines", Messages: [][]byte{[]byte("01 ann"), []byte("02 ann"), []byte("14 bob"), []byte("03 ann")}}
	got, err := pipelinetest.Run(func() *pipeline.Pipeline {
		p := pipeline.New("example")
		lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "LINES", Decode: pipeline.Text, Time: stamped})
		byUser := operators.KeyBy(lines, "user", func(s string) string { return s[3:] })
		windows := operators.Window(byUser, operators.Tumbling(10*time.Minute))
		counts := operators.Count("counts", windows)
		pipeline.Write(p, "late", operators.Late(windows, counts), sinks.Func{Name: "late"}, pipeline.EncodeText)
		pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.Watermark(0))), out, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
			return fmt.Append(nil, f.Value.Value(), " of ", f.Key), nil
		})
		return p
	}, []pipelinetest.Log{in}, pipelinetest.Options{Rounds: 5})
	if err != nil {
		fmt.Println(err)
	}
	for _, r := range got.Results {
		fmt.Println(r.Write, r.Verdict, r.Payload)
	}
	// Output:
	// counts final 2 of ann
	// counts final 1 of bob
	// late stable 03 ann
}

// A payment that comes too late to meet its order is in no pair; whoever pays back needs to know of it.
func ExampleLate_join() {
	stamped := func(line string) time.Time {
		minute, _ := strconv.Atoi(line[:2])
		return time.Date(2024, 1, 1, 0, minute, 0, 0, time.UTC)
	}
	in := pipelinetest.Log{Read: "lines", Messages: [][]byte{[]byte("01 order 7"), []byte("20 paid 8"), []byte("02 paid 7")}}
	got, err := pipelinetest.Run(func() *pipeline.Pipeline {
		p := pipeline.New("example")
		lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "LINES", Decode: pipeline.Text, Time: stamped})
		number := func(s string) string { return s[len(s)-1:] }
		first, second := operators.Split(lines, func(s string) bool { return strings.Contains(s, "order") })
		orders, payments := operators.KeyBy(first, "number", number), operators.KeyBy(second, "number", number)
		paid := operators.Join("paid", orders, payments, operators.Interval{After: 10 * time.Minute}, func(order, payment string) string { return order + ", " + payment })
		pipeline.Write(p, "paid", paid, out, pipeline.EncodeText)
		pipeline.Write(p, "late", operators.Late(payments, paid), sinks.Func{Name: "late"}, pipeline.EncodeText)
		return p
	}, []pipelinetest.Log{in}, pipelinetest.Options{Rounds: 5})
	if err != nil {
		fmt.Println(err)
	}
	for _, r := range got.Results {
		fmt.Println(r.Write, r.Verdict, r.Payload)
	}
	// Output:
	// late stable 02 paid 7
}
