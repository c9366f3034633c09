package operators_test

import (
	"fmt"
	"strings"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

// Orders and payments meet by order number: what has been paid is known at once, what has not only at the end.
func ExampleCogroup() {
	number := func(s string) string { return s[strings.LastIndexByte(s, ' ')+1:] }
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		orders := operators.KeyBy(operators.Filter(lines, func(s string) bool { return strings.HasPrefix(s, "order") }), "number", number)
		payments := operators.KeyBy(operators.Filter(lines, func(s string) bool { return strings.HasPrefix(s, "paid") }), "number", number)
		both := operators.Cogroup("both",
			orders, func(string) crdt.GSet[string] { return crdt.GSetOf("ordered") },
			payments, func(string) crdt.GSet[string] { return crdt.GSetOf("paid") })

		complete := operators.Threshold(both, crdt.All(crdt.Contains("ordered"), crdt.Contains("paid")))
		pipeline.Write(p, "complete", complete, out, pipeline.EncodeText)

		open := operators.Filter(operators.Finals(operators.Seal(both, operators.EndOfInput())),
			func(f operators.Final[string, crdt.GSet[string]]) bool { return !f.Value.Contains("paid") })
		pipeline.Write(p, "open", open, sinks.Func{Name: "open"}, func(f operators.Final[string, crdt.GSet[string]]) ([]byte, error) {
			return fmt.Appendf(nil, "%s was never paid", f.Key), nil
		})
	}, "order 1", "order 2", "paid 1")
	// Output:
	// stable 1
	// final 2 was never paid
}
