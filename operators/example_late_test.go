package operators_test

import (
	"fmt"
	"strconv"
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
