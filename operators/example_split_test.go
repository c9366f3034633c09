package operators_test

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

func ExampleSplit() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		failed, fine := operators.Split(lines, func(s string) bool { return strings.HasPrefix(s, "error") })
		pipeline.Write(p, "failed", operators.Map(failed, strings.ToUpper), sinks.Func{Name: "failed"}, pipeline.EncodeText)
		pipeline.Write(p, "fine", fine, sinks.Func{Name: "fine"}, pipeline.EncodeText)
	}, "started", "error 7")
	// Output:
	// stable ERROR 7
	// stable started
}

func ExampleBranch() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		parts := operators.Branch(lines,
			func(s string) bool { return len(s) < 4 },
			func(s string) bool { return len(s) < 7 })
		for i, name := range []string{"a short", "b medium", "c long"} {
			pipeline.Write(p, name[:1], parts[i], sinks.Func{Name: name}, func(s string) ([]byte, error) {
				return fmt.Appendf(nil, "%s: %s", name[2:], s), nil
			})
		}
	}, "and", "stream", "convergence")
	// Output:
	// stable short: and
	// stable medium: stream
	// stable long: convergence
}

func ExampleTap() {
	seen := make(map[string]bool) // a record may be seen more than once
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		lines = operators.Tap(lines, func(s string) { seen[s] = true })
		pipeline.Write(p, "out", lines, out, pipeline.EncodeText)
	}, "calm")
	fmt.Println("seen:", seen["calm"])
	// Output:
	// stable calm
	// seen: true
}

// The same records are counted by word and by first letter.
func ExampleRecords() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byWord := operators.KeyBy(lines, "word", strings.ToLower)
		byLetter := operators.KeyBy(operators.Records(byWord), "letter", func(s string) string {
			return strings.ToUpper(strings.TrimFunc(s, unicode.IsSpace)[:1])
		})
		twice := operators.Threshold(operators.Count("words", byWord), crdt.AtLeast(2))
		pipeline.Write(p, "words", twice, sinks.Func{Name: "words"}, pipeline.EncodeText)
		thrice := operators.Threshold(operators.Count("letters", byLetter), crdt.AtLeast(3))
		pipeline.Write(p, "letters", thrice, sinks.Func{Name: "letters"}, pipeline.EncodeText)
	}, "calm", "crdt", "calm")
	// Output:
	// stable C
	// stable calm
}
