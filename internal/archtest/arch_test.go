package archtest_test

import (
	"os"
	"sync"
	"testing"
)

// repository parses the source once for all tests.
var repository = sync.OnceValues(func() (*tree, error) { return parseTree(os.DirFS("../..")) })

// source returns the parsed repository.
func source(t *testing.T) *tree {
	t.Helper()
	tr, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.files) < 10 {
		t.Fatalf("only %d Go files found: this test does not look at the repository", len(tr.files))
	}
	return tr
}

// report fails the test with each problem on its own line.
func report(t *testing.T, problems []string) {
	t.Helper()
	for _, p := range problems {
		t.Error(p)
	}
}

func TestImports(t *testing.T) {
	t.Parallel()
	report(t, checkImports(source(t), rooms))
}

func TestBans(t *testing.T) {
	t.Parallel()
	report(t, checkBans(source(t), bans))
}

func TestPackageComments(t *testing.T) {
	t.Parallel()
	report(t, checkPackageComments(source(t)))
}

func TestLengthsSleepsAndSkips(t *testing.T) {
	t.Parallel()
	tr := source(t)
	problems := append(checkLengths(tr), checkSleeps(tr)...)
	report(t, excuse(append(problems, checkSkips(tr)...), exceptions))
}

// TestTablesGiveReasons keeps the tables honest: no row without a reason.
func TestTablesGiveReasons(t *testing.T) {
	t.Parallel()
	for _, r := range rooms {
		if r.why == "" || len(r.places) == 0 {
			t.Errorf("the room %v has no place or no reason", r.places)
		}
	}
	for _, b := range bans {
		if b.why == "" || b.name == "" {
			t.Errorf("the ban of %q has no name or no reason", b.name)
		}
	}
	for key, why := range exceptions {
		if why == "" {
			t.Errorf("the exception %q has no reason", key)
		}
	}
}
