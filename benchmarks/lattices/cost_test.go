package lattices_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	counted = "github.com/calmstream/calmstream/crdt"

	// A copy has full leaves, which split when they are first hit: the smaller state must have more of them than there are updates.
	costSmall = 4_000
	costLarge = 64_000
	// The logarithm of the larger size is 1.3 times that of the smaller one, the root 4 times. A walk through the state would cost 16 times as much.
	costGrowth = 3
	// What splitting a leaf, and the node above it, allocates here and elsewhere.
	costSplit = 8 << 10
)

// An update and the merge of a delta cost no more in a large state than in a small one, but for a logarithm. Time says that badly
// on a shared machine. What is counted are the statements of package crdt that are executed, by the counters of the
// coverage tool, and the bytes that are allocated.
func TestUpdatesDoNotCostMoreInLargeStates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "count")
	// The tool counts only if the program is covered too.
	const covered = "-coverpkg=github.com/calmstream/calmstream/benchmarks/lattices/count," + counted
	tool(t, "go", "build", "-cover", "-covermode=atomic", covered, "-o", program, "./count")
	covdata := strings.TrimSpace(tool(t, "go", "tool", "-n", "covdata")) // asked once: it is run for each count
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)       // with what is quadratic it would not end
	defer cancel()
	cmd := exec.CommandContext(ctx, program, dir, fmt.Sprint(costSmall), fmt.Sprint(costLarge))
	cmd.Env = append(os.Environ(), "GOCOVERDIR="+t.TempDir()) // for what it did in all, which nobody wants to know
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	costs := map[string]map[int]cost{}
	for line := range strings.Lines(string(out)) {
		var dir, name string
		var n int
		var c cost
		if _, err := fmt.Sscanf(line, "%s %d %d %q", &dir, &n, &c.bytes, &name); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		c.statements = statements(t, covdata, dir)
		if costs[name] == nil {
			costs[name] = map[int]cost{}
		}
		costs[name][n] = c
	}
	if len(costs) < 30 {
		t.Fatalf("only %d types were counted", len(costs))
	}
	for name, c := range costs {
		few, many := c[costSmall], c[costLarge]
		t.Logf("%-25s %8d %8d statements %6d %6d bytes", name, few.statements, many.statements, few.bytes, many.bytes)
		if few.statements == 0 || many.statements > costGrowth*few.statements || many.bytes > costGrowth*few.bytes+costSplit {
			t.Errorf("%s: %+v in a state of %d elements, %+v in one of %d", name, few, costSmall, many, costLarge)
		}
	}
}

// cost is that of some updates, and of the merges of as many deltas.
type cost struct {
	statements uint64
	bytes      uint64 // for each
}

func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// statements adds up how often each statement of package crdt was executed.
func statements(t *testing.T, covdata, dir string) (sum uint64) {
	t.Helper()
	profile := filepath.Join(dir, "profile")
	tool(t, covdata, "textfmt", "-i="+dir, "-o="+profile)
	text, err := os.ReadFile(profile)
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var block string
		var size, times uint64
		if _, err := fmt.Sscan(lines.Text(), &block, &size, &times); err == nil && strings.HasPrefix(block, counted+"/") {
			sum += size * times
		}
	}
	return sum
}
