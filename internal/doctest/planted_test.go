package doctest_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const page = "Text.\n\n```go\nx := 1\n\nif x > 0 {\n\tf(x)\n}\n```\n\n1. A list:\n\n   ```sh\n   $ go test ./... # all\n   # a comment\n   nats --server \\\n      x ls\n   ```\n\n```\nno language\n```\n"

func TestBlocksAreFound(t *testing.T) {
	t.Parallel()
	found, err := blocks("p.md", page)
	if err != nil || len(found) != 3 {
		t.Fatalf("found %v (%v), want 3 blocks", found, err)
	}
	for i, want := range []string{"go p.md:4", "sh p.md:14", " p.md:21"} {
		if got := found[i].lang + " " + found[i].String(); got != want {
			t.Errorf("block %d is %q, want %q", i, got, want)
		}
	}
	if got, want := commands(found[1]), []string{"go test ./...", "nats --server x ls"}; !slices.Equal(got, want) {
		t.Errorf("commands are %q, want %q", got, want)
	}
	if _, err := blocks("p.md", "```go\nx := 1\n"); err == nil {
		t.Error("a block without end was accepted")
	}
}

func TestQuotesAreByteIdentical(t *testing.T) {
	t.Parallel()
	found, err := blocks("p.md", page)
	if err != nil {
		t.Fatal(err)
	}
	source := "package x\n\nfunc Example() {\n\tx := 1\n\n\tif x > 0 {\n\t\tf(x)\n\t}\n}\n"
	for text, want := range map[string]bool{
		source: true,
		strings.Replace(source, "f(x)", "f( x)", 1):           false,
		strings.Replace(source, "\t\tf", "\t\t\tf", 1):        false,
		strings.Replace(source, "\tx := 1", "\ty, x := 1", 1): false,
		strings.TrimSuffix(source, "\t}\n}\n"):                false,
	} {
		have, err := sources(fstest.MapFS{"a/a_test.go": {Data: []byte(text)}, "testdata/b.go": {Data: []byte(source)}})
		if err != nil {
			t.Fatal(err)
		}
		if got := quoted(found[0], have); got != want {
			t.Errorf("quoted is %v, want %v, for\n%s", got, want, text)
		}
	}
}

func TestProgramsAreCompiledWhereTheyStand(t *testing.T) {
	t.Parallel()
	good := block{page: "docs/p.md", line: 7, lines: strings.Split("package main\n\nimport \"github.com/calmstream/calmstream/crdt\"\n\nfunc main() { println(crdt.Final.String()) }", "\n")}
	if output, err := build(t, []block{good}); err != nil {
		t.Errorf("a good program: %v\n%s", err, output)
	}
	bad := block{page: "docs/p.md", line: 40, lines: []string{"package main", "", "func main() { undefined() }"}}
	output, err := build(t, []block{good, bad})
	if err == nil || !strings.Contains(string(output), "docs/p.md:42") {
		t.Errorf("a bad program: %v, want an error at docs/p.md:42\n%s", err, output)
	}
}

func TestProofsAreChecked(t *testing.T) {
	t.Parallel()
	if err := proven("go.mod: module github.com/calmstream/calmstream"); err != nil {
		t.Error(err)
	}
	for _, proof := range []string{"no proof", "missing.sh: go test", "go.mod: this is not in it"} {
		if proven(proof) == nil {
			t.Errorf("the proof %q was accepted", proof)
		}
	}
}

func TestReadmeIsRequired(t *testing.T) {
	t.Parallel()
	if _, err := pages(fstest.MapFS{"docs/a.md": {}}); err == nil {
		t.Error("a repository without README.md was accepted")
	}
	names, err := pages(fstest.MapFS{"README.md": {}, "docs/adr/a.md": {}, "docs/x.png": {}})
	if err != nil || !slices.Equal(names, []string{"README.md", "docs/adr/a.md"}) {
		t.Errorf("pages are %q (%v)", names, err)
	}
}
