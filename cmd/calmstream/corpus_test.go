package main_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// scaled is the size of a text, in bytes: the given number of MiB, or a fifth of it if tests are to be short.
func scaled(mib int) int {
	if testing.Short() {
		return mib << 20 / 5
	}
	return mib << 20
}

// goSource returns about size bytes of the Go source tree: of its files in ASCII, or of the others.
func goSource(t *testing.T, ascii bool, size int) string {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatalf("where is the Go source tree? %v", err)
	}
	var text strings.Builder
	walk := func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		if text.Len() >= size {
			return fs.SkipAll
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if ascii != slices.ContainsFunc(content, func(b byte) bool { return b >= utf8.RuneSelf }) {
			text.Write(content)
		}
		return nil
	}
	if err := filepath.WalkDir(filepath.Join(strings.TrimSpace(string(root)), "src"), walk); err != nil {
		t.Fatal(err)
	}
	if text.Len() < size/2 {
		t.Fatalf("the Go source tree has %d bytes of text, and %d are wanted", text.Len(), size)
	}
	return text.String()
}

// modelled counts words by their definition, written down a second time, and renders the counts as uniq -c does.
func modelled(text string) string {
	counts := make(map[string]int)
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		counts[strings.Map(unicode.ToLower, word)]++
	}
	return rendered(counts)
}

func rendered(counts map[string]int) string {
	words := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	var out strings.Builder
	for _, word := range words {
		fmt.Fprintf(&out, "%7d %s\n", counts[word], word)
	}
	return out.String()
}

// coreutils counts the words of an ASCII text with the tools that everyone has, in the order of the tool.
func coreutils(t *testing.T, text string) string {
	t.Helper()
	for _, name := range []string{"sh", "tr", "sort", "uniq", "grep"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Logf("there is no %s here: comparing with the definition instead", name)
			return modelled(text)
		}
	}
	command := exec.Command("sh", "-c", `tr -cs 'A-Za-z0-9' '\n' | tr A-Z a-z | grep . | sort | uniq -c | sort -k1,1nr -k2,2`)
	command.Env = append(os.Environ(), "LC_ALL=C")
	command.Stdin = strings.NewReader(text)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("the shell failed: %v: %s", err, stderr.String())
	}
	return string(out)
}
