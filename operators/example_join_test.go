package operators_test

import (
	"fmt"
	"strings"
	"time"

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

// Clicks are matched with the impression that they belong to, up to ten seconds before.
func ExampleJoin() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		impressions, clicks := operators.Split(lines, func(s string) bool { return strings.HasPrefix(s, "shown") })
		ad := func(s string) string { return s[strings.LastIndexByte(s, ' ')+1:] }
		pairs := operators.Join("pairs", operators.KeyBy(impressions, "ad", ad), operators.KeyBy(clicks, "ad", ad),
			operators.Interval{After: 10 * time.Second},
			func(shown, clicked string) string { return shown + ", " + clicked })
		pipeline.Write(p, "out", pairs, out, pipeline.EncodeText)
	}, "shown 1", "shown 2", "clicked 1")
	// Output: stable shown 1, clicked 1
}

// That there was no click is known only when none can come any more.
func ExampleLeftJoin() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		impressions, clicks := operators.Split(lines, func(s string) bool { return strings.HasPrefix(s, "shown") })
		ad := func(s string) string { return s[strings.LastIndexByte(s, ' ')+1:] }
		all := operators.LeftJoin("all", operators.KeyBy(impressions, "ad", ad), operators.KeyBy(clicks, "ad", ad),
			operators.Interval{After: 10 * time.Second},
			func(shown, clicked *string) string {
				if clicked == nil {
					return *shown + ", not clicked"
				}
				return *shown + ", " + *clicked
			})
		pipeline.Write(p, "out", all, out, pipeline.EncodeText)
	}, "shown 1", "shown 2", "clicked 1")
	// Unordered output:
	// stable shown 1, clicked 1
	// stable shown 2, not clicked
}

func ExampleOuterJoin() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		left, right := operators.Split(lines, func(s string) bool { return strings.HasPrefix(s, "l") })
		number := func(s string) string { return s[1:] }
		text := func(s *string) string {
			if s == nil {
				return "nothing"
			}
			return *s
		}
		all := operators.OuterJoin("all", operators.KeyBy(left, "number", number), operators.KeyBy(right, "number", number),
			operators.Interval{Before: time.Minute, After: time.Minute},
			func(l, r *string) string { return text(l) + " and " + text(r) })
		pipeline.Write(p, "out", all, out, pipeline.EncodeText)
	}, "l1", "r2", "r1", "l3")
	// Unordered output:
	// stable l1 and r1
	// stable l3 and nothing
	// stable nothing and r2
}
