package words_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/words"
)

// corpusSize is how much text is compared, of ASCII files and of others each at most.
const corpusSize = 6 << 20

// corpus returns text of the Go source tree: what is pure ASCII, and the files that are not. Without
// a source tree it makes text up.
func corpus(t *testing.T) (pure, other string) {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Logf("no Go source tree (%v): the text is made up", err)
		return madeUp(false), madeUp(true)
	}
	var ascii, rest strings.Builder
	walk := func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || ascii.Len() >= corpusSize && rest.Len() >= corpusSize {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		into := &ascii
		if slices.ContainsFunc(content, func(b byte) bool { return b >= utf8.RuneSelf }) {
			into = &rest
		}
		if into.Len() < corpusSize {
			into.Write(content[:min(len(content), corpusSize-into.Len())])
			into.WriteByte('\n')
		}
		return nil
	}
	if err := filepath.WalkDir(filepath.Join(strings.TrimSpace(string(root)), "src"), walk); err != nil {
		t.Logf("the Go source tree cannot be read (%v): the text is made up", err)
		return madeUp(false), madeUp(true)
	}
	return ascii.String(), rest.String()
}

// madeUp returns text of random characters, about half of them letters and digits.
func madeUp(unicode bool) string {
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 0, corpusSize)
	for len(text) < corpusSize-utf8.UTFMax {
		r := rune(random.IntN(utf8.RuneSelf))
		if unicode && random.IntN(8) == 0 {
			r = rune(random.IntN(0x3000))
		}
		text = utf8.AppendRune(text, r)
	}
	return string(text)
}

// counted renders counts as uniq -c does: one line for each word, in the order of bytes.
func counted(counts map[string]int) string {
	var out strings.Builder
	for _, word := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&out, "%d %s\n", counts[word], word)
	}
	return out.String()
}

func count(text string) string {
	counts := map[string]int{}
	for word := range words.All(text) {
		counts[word]++
	}
	return counted(counts)
}

func countNaive(text string) string {
	counts := map[string]int{}
	for _, word := range naive(text) {
		counts[word]++
	}
	return counted(counts)
}

// shell counts the words of text with the tools that everyone would use; ok is false where there are none.
func shell(t *testing.T, text string) (counts string, ok bool) {
	t.Helper()
	for _, tool := range []string{"sh", "tr", "sort", "uniq"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", false
		}
	}
	command := exec.Command("sh", "-c", `tr -cs 'A-Za-z0-9' '\n' | tr A-Z a-z | sort | uniq -c`)
	command.Env = append(os.Environ(), "LC_ALL=C")
	command.Stdin = strings.NewReader(text)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("the shell pipeline failed: %v: %s", err, stderr.String())
	}
	var lines strings.Builder
	for line := range strings.Lines(string(out)) {
		// A text that begins with a separator gives the shell an empty first word.
		if fields := strings.Fields(line); len(fields) == 2 {
			fmt.Fprintf(&lines, "%s %s\n", fields[0], fields[1])
		}
	}
	return lines.String(), true
}

func TestASCIITextIsCountedAsTheShellCountsIt(t *testing.T) {
	t.Parallel()
	text, _ := corpus(t)
	want, ok := shell(t, text)
	if !ok {
		t.Log("no tr, sort or uniq: comparing with the definition")
		want = countNaive(text)
	}
	same(t, text, count(text), want)
}

func TestOtherTextIsCountedAsDefined(t *testing.T) {
	t.Parallel()
	_, text := corpus(t)
	same(t, text, count(text), countNaive(text))
}

// same compares counts and names the first line that differs.
func same(t *testing.T, text, got, want string) {
	t.Helper()
	gots, wants := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(gots), len(wants)) {
		if gots[i] != wants[i] {
			t.Fatalf("line %d of the counts: got %q, want %q", i+1, gots[i], wants[i])
		}
	}
	if len(gots) != len(wants) || len(gots) < 100 {
		t.Fatalf("%d bytes of text: got %d lines of counts, want %d, and not a handful", len(text), len(gots), len(wants))
	}
}
