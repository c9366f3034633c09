package queries_test

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/benchmarks/nexmark/queries"
)

// The page about Nexmark has a table of the queries. It is this one.
func TestTheTableOfTheDocumentation(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("| query | asks for | class | waits for | how it differs from the original |\n|---|---|---|---|---|\n")
	for _, q := range queries.All() {
		fmt.Fprintf(&table, "| %s | %s | %s | %s | %s |\n", q.Name, q.Asks, q.Class, cmp.Or(q.Waits, "nothing"), cmp.Or(q.Adapted, "not"))
	}
	page, err := os.ReadFile("../../../docs/nexmark.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "\n"+table.String()+"\n") {
		t.Errorf("docs/nexmark.md must have this table:\n%s", table.String())
	}
}
