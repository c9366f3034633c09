package pipeline_test

import (
	"fmt"
	"time"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
	"github.com/calmstream/calmstream/sinks"
)

// What the server knows of a message is there for every function, for example the country in a subject such as
// "orders.de.42".
func ExampleWithMetadata() {
	build := func() *pipeline.Pipeline {
		p := pipeline.New("meta")
		orders := pipeline.Read(p, "orders", pipeline.Source[pipeline.Record[string]]{Stream: "ORDERS", Decode: pipeline.WithMetadata(pipeline.Text)})
		text := operators.Map(orders, func(r pipeline.Record[string]) string {
			return fmt.Sprintf("%s, message %d of %s, stored %s", r.Value, r.Seq, r.Token(0), r.Stored.Format(time.TimeOnly))
		})
		pipeline.Write(p, "out", text, sinks.Func{Name: "out"}, pipeline.EncodeText)
		return p
	}
	out, err := pipelinetest.Run(build, []pipelinetest.Log{{Read: "orders", Messages: [][]byte{[]byte("a"), []byte("b")}}}, pipelinetest.Options{Rounds: 1})
	if err != nil {
		fmt.Println(err)
	}
	for _, r := range out.Results {
		fmt.Println(r.Payload)
	}
	// Output:
	// a, message 1 of orders, stored 00:00:00
	// b, message 2 of orders, stored 00:00:01
}
