package doctest_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

// block is one fenced block of a page.
type block struct {
	page  string // from the root of the repository
	line  int    // of the first line of the text
	lang  string
	lines []string
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// pages lists README.md and the pages below docs. README.md must exist.
func pages(root fs.FS) ([]string, error) {
	if _, err := fs.Stat(root, "README.md"); err != nil {
		return nil, err
	}
	found := []string{"README.md"}
	err := fs.WalkDir(root, "docs", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && path.Ext(name) == ".md" {
			found = append(found, name)
		}
		return err
	})
	return found, err
}

// blocks cuts a page into its fenced blocks. A fence may be indented, as in a list; its indentation is taken off the block.
func blocks(page, text string) ([]block, error) {
	var found []block
	var open *block
	indent := ""
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimLeft(line, " ")
		switch lang, fence := strings.CutPrefix(trimmed, "```"); {
		case fence && open == nil:
			indent = line[:len(line)-len(trimmed)]
			open = &block{page: page, line: i + 2, lang: strings.TrimSpace(lang)}
		case fence:
			found = append(found, *open)
			open = nil
		case open != nil:
			open.lines = append(open.lines, strings.TrimPrefix(line, indent))
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%s: the block does not end", open)
	}
	return found, nil
}

// sources reads the Go files that documentation may quote, as lines. Programs of testdata/illegal are among them.
func sources(root fs.FS) ([][]string, error) {
	var found [][]string
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (path.Base(name)[0] == '.' || path.Base(name) == "testdata" && name != "operators/testdata"):
			return fs.SkipDir
		case path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(root, name)
		found = append(found, strings.Split(string(text), "\n"))
		return err
	})
	return found, err
}

// quoted says whether the block is a region of one of the sources, at whatever depth it is indented there.
func quoted(b block, sources [][]string) bool {
	want := strings.Split(strings.Trim(strings.Join(b.lines, "\n"), "\n"), "\n")
	for _, have := range sources {
		for start := 0; start+len(want) <= len(have); start++ {
			if sameRegion(want, have[start:]) {
				return true
			}
		}
	}
	return false
}

func sameRegion(want, have []string) bool {
	depth, ok := strings.CutSuffix(have[0], want[0])
	if !ok || want[0] == "" || strings.TrimLeft(depth, "\t") != "" {
		return false
	}
	for i, w := range want {
		if w != "" {
			w = depth + w
		}
		if have[i] != w {
			return false
		}
	}
	return true
}

// commands returns what a sh block runs: its lines without prompt and comments, with continued lines joined.
func commands(b block) (found []string) {
	text := strings.ReplaceAll(strings.Join(b.lines, "\n"), "\\\n", " ")
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(" "+line, " #")
		if line = strings.Join(strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "$ ")), " "); line != "" {
			found = append(found, line)
		}
	}
	return found
}

// proven says whether a proof, "file: text", holds: the file contains the text.
func proven(proof string) error {
	file, text, _ := strings.Cut(proof, ": ")
	content, err := os.ReadFile("../../" + file)
	if err == nil && (text == "" || !strings.Contains(string(content), text)) {
		err = fmt.Errorf("%s does not contain %q", file, text)
	}
	return err
}
