package operators_test

import (
	"fmt"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
)

// Days that begin at midnight in Shanghai. The messages are stored on 2024-01-01, from 00:00:00 UTC on.
func ExampleWindows_Offset() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		days := operators.Window(operators.KeyBy(lines, "line", func(s string) string { return s }), operators.Tumbling(24*time.Hour).Offset(-8*time.Hour))
		counts := operators.Finals(operators.Seal(operators.Count("counts", days), operators.EndOfInput()))
		pipeline.Write(p, "out", counts, out, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
			return fmt.Appendf(nil, "%s %d", f.Window, f.Value.Value()), nil
		})
	}, "visit", "visit")
	// Output: final 2023-12-31T16:00:00Z/2024-01-01T16:00:00Z 2
}
