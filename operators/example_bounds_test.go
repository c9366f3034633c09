package operators_test

import (
	"encoding/json"
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
)

// How often a word has come is published at once, at every second time. Nothing waits for a seal, and nothing that is said is wrong
// later: the word has come at least that often. sinks.View would show the last of them.
func ExampleBounds() {
	run(func(p *pipeline.Pipeline, words operators.Stream[string]) {
		counts := operators.Count("counts", operators.KeyBy(words, "word", func(w string) string { return w }))
		bounds := operators.Bounds(counts, crdt.CountOf(), crdt.CountOf(), 2)
		pipeline.Write(p, "out", bounds, out, func(b operators.Bound[string, crdt.Max[uint64]]) ([]byte, error) {
			atLeast, _ := b.Value.Value()
			return fmt.Appendf(nil, "%s at least %d", b.Key, atLeast), nil
		})
	}, "calm", "crdt", "calm", "calm", "calm", "crdt", "log")
	// Output:
	// lower-bound calm at least 2
	// lower-bound calm at least 4
	// lower-bound crdt at least 2
}

// What is published may be any lattice that grows with the state: here a set, which readers merge. How large it is says how far it has
// come.
func ExampleBounds_mergeable() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		byUser := operators.KeyBy(lines, "user", func(s string) string { return token(s, 0) })
		pages := operators.Distinct("pages", byUser, func(s string) string { return token(s, 1) })
		all := crdt.Where("all", func(string) bool { return true })
		pipeline.Write(p, "out", operators.Bounds(pages, all, crdt.Size[string](), 1), out,
			func(b operators.Bound[string, crdt.GSet[string]]) ([]byte, error) { return json.Marshal(b.Value) })
	}, "ann /home", "ann /cart", "ann /home", "ann /about")
	// Output:
	// lower-bound ["/home"]
	// lower-bound ["/cart","/home"]
	// lower-bound ["/about","/cart","/home"]
}
