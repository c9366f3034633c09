package operators_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
)

// Visits to a site: pages viewed by a user less than two seconds apart. The messages are stored at second 0, 1, 2 …
func ExampleSessions() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		user := func(s string) string { return s[:strings.IndexByte(s, ' ')] }
		visits := operators.Window(operators.KeyBy(lines, "user", user), operators.Sessions(2*time.Second))
		pages := operators.Count("pages", visits)
		pipeline.Write(p, "out", operators.Finals(operators.Seal(pages, operators.Watermark(0))), out,
			func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
				from, to := time.Unix(0, f.Window.Start).UTC(), time.Unix(0, f.Window.End).UTC()
				return fmt.Appendf(nil, "%s from second %d to %d: %d pages", f.Key, from.Second(), to.Second(), f.Value.Value()), nil
			})
	}, "ann home", "ann shop", "bob home", "bob help", "ann home")
	// Unordered output:
	// final ann from second 0 to 3: 2 pages
	// final bob from second 2 to 5: 2 pages
	// final ann from second 4 to 6: 1 pages
}
