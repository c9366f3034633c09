package compiletest_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/internal/compiletest"
)

// TestHarnessSeesThroughWrongCases runs the harness of the illegal programs on a module of cases that are wrong in every way.
func TestHarnessSeesThroughWrongCases(t *testing.T) {
	t.Parallel()
	const (
		legal   = "package main\n\nfunc main() {}\n"
		illegal = "package main\n\nfunc main() { var s string = 1; var n int = \"x\" }\n"
	)
	root := t.TempDir()
	write(t, root, "go.mod", "module example.com/m\n\ngo 1.26\n")
	for name, c := range map[string]struct{ program, want string }{
		"good":       {illegal, "# every error is listed\n\ncannot use 1 .*as string\ncannot use \"x\" .*as int\ndeclared and not used\n"},
		"compiles":   {legal, "cannot use\n"},
		"elsewhere":  {illegal, "cannot use 1 .*as string\nundefined: TopK\ncannot use \"x\"\ndeclared and not used\n"},
		"incomplete": {illegal, "cannot use 1 .*as string\ndeclared and not used\n"},
		"empty":      {illegal, "# nothing\n"},
		"broken":     {illegal, "(\n"},
	} {
		write(t, root, "cases/"+name+"/main.go", c.program)
		write(t, root, "cases/"+name+"/want.txt", c.want)
	}
	write(t, root, "cases/silent/main.go", illegal)

	problems, cases, err := compiletest.Check(root, "cases")
	if err != nil {
		t.Fatal(err)
	}
	if cases != 7 {
		t.Errorf("the harness saw %d cases, want 7", cases)
	}
	want := []string{
		"broken: error parsing regexp",
		"compiles: the program compiles",
		"elsewhere: no error matches \"undefined: TopK\"",
		"empty: want.txt expects nothing",
		"incomplete: unexpected error: cases/incomplete/main.go:3:",
		"silent: no list of the errors to expect",
	}
	slices.Sort(problems)
	if len(problems) != len(want) {
		t.Fatalf("got %d problems, want %d:\n%s", len(problems), len(want), strings.Join(problems, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(problems[i], want[i]) {
			t.Errorf("problem %d is %q, want it to begin with %q", i, problems[i], want[i])
		}
	}
}

// TestHarnessFailsWhenNothingIsCompiled makes sure that a build that stops early does not look like programs that compile.
func TestHarnessFailsWhenNothingIsCompiled(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, root, "go.mod", "module example.com/m\n\ngo 1.26\n")
	write(t, root, "cases/a/main.go", "package main\n\nimport _ \"example.com/m/missing\"\n\nfunc main() {}\n")
	write(t, root, "cases/a/want.txt", ".\n")
	if problems, _, err := compiletest.Check(root, "cases"); err == nil {
		t.Errorf("an import that does not exist was taken for a result: %v", problems)
	}
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	file := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
