package pipelinetest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// The end of the input, and nothing before it, closes windows that are sealed by it: however far event time has come, none is closed
// and no record is late.
func TestEndOfInputIsNoWatermark(t *testing.T) {
	t.Parallel()
	build := func() *pipeline.Pipeline {
		p := pipeline.New("end")
		sums := operators.Sum("sums", operators.Window(bySensor(read(p, 1)), operators.Tumbling(10*time.Second)), valueIn)
		pipeline.Write(p, "sums", operators.Finals(operators.Seal(sums, operators.EndOfInput())), nowhere("sums"), encodeSum)
		return p
	}
	d := pipelinetest.NewDriver(t, build())
	in := pipelinetest.Log{Read: "readings"}
	for i, at := range []int64{0, 35, 5, 99, 7} {
		data := fmt.Sprintf(`{"sensor":"s","at":%d,"value":%d}`, begin+at, 1<<i)
		in.Messages = append(in.Messages, []byte(data))
		d.Push("readings", data)
		if early := d.Results("sums"); len(early) > 0 {
			t.Errorf("before the end, behind %s: %v", data, early)
		}
	}
	out := pipelinetest.Check(t, build, []pipelinetest.Log{in}, pipelinetest.Options{})
	want(t, out, "sums", "final 21", "final 2", "final 8")
	if len(out.Rejected) > 0 {
		t.Errorf("rejected: %v", out.Rejected)
	}
}
