package operators_test

import (
	"fmt"
	"strings"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
)

// Three witnesses are named before the vote: when all three have spoken, what they said is complete.
func ExampleSealWhen() {
	all := crdt.All(crdt.Contains("ann"), crdt.Contains("bob"), crdt.Contains("eve"))
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		cases := operators.KeyBy(lines, "case", func(s string) string { return s[:1] })
		heard := operators.Aggregate("heard", cases, func(s string) crdt.GSet[string] { return crdt.GSetOf(s[2:]) })
		pipeline.Write(p, "out", operators.Finals(operators.SealWhen(heard, all)), out,
			func(f operators.Final[string, crdt.GSet[string]]) ([]byte, error) {
				var names []string
				for name := range f.Value.All() {
					names = append(names, name)
				}
				return fmt.Appendf(nil, "case %s is closed: %s", f.Key, strings.Join(names, ", ")), nil
			})
	}, "1 bob", "2 ann", "1 eve", "1 ann")
	// Output: final case 1 is closed: ann, bob, eve
}
