package operators_test

import (
	"fmt"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// Two shops send what they have sold. The day's totals are final once both have promised that they have sent everything, however
// much later the one may be than the other.
func ExamplePunctuation() {
	sold := pipelinetest.Log{
		Read:      "sales",
		Messages:  [][]byte{[]byte("apples"), []byte("pears"), []byte("apples")},
		Producers: []string{"north", "south", "south"},
	}
	out, err := pipelinetest.Run(func() *pipeline.Pipeline {
		p := pipeline.New("shops")
		sales := pipeline.Read(p, "sales", pipeline.Source[string]{Stream: "SALES", Producers: []string{"north", "south"}, Decode: pipeline.Text})
		fruit := operators.KeyBy(sales, "fruit", func(s string) string { return s })
		day := operators.Count("day", operators.Window(fruit, operators.Tumbling(24*time.Hour)))
		pipeline.Write(p, "out", operators.Finals(operators.Seal(day, operators.Punctuation())), out, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
			return fmt.Appendf(nil, "%d %s", f.Value.Value(), f.Key), nil
		})
		return p
	}, []pipelinetest.Log{sold}, pipelinetest.Options{Rounds: 5})
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
