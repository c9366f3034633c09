package doctest_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// documentation returns the blocks of all pages.
func documentation(t *testing.T) (all []block) {
	t.Helper()
	root := os.DirFS("../..")
	names, err := pages(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			t.Fatal(err)
		}
		found, err := blocks(name, string(text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

func TestEveryBlockSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, b := range documentation(t) {
		switch b.lang {
		case "":
			t.Errorf("%s: the block has no language: go and sh are checked, text is not", b)
		case "bash", "shell", "console", "golang":
			t.Errorf("%s: the language %q escapes the checks: write sh or go", b, b.lang)
		}
	}
}

func TestGoBlocksAreRealCode(t *testing.T) {
	t.Parallel()
	have, err := sources(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	var programs []block
	for _, b := range documentation(t) {
		switch {
		case b.lang != "go" || quoted(b, have):
		case slices.Contains(b.lines, "package main"):
			programs = append(programs, b)
		default:
			t.Errorf("%s: the block is neither a program nor a part of a Go file of this module", b)
		}
	}
	if output, err := build(t, programs); err != nil {
		t.Errorf("programs in the documentation do not compile: %v\n%s", err, output)
	}
}

func TestShellCommandsAreRun(t *testing.T) {
	t.Parallel()
	shown := map[string]bool{}
	for _, b := range documentation(t) {
		if b.lang != "sh" {
			continue
		}
		for _, c := range commands(b) {
			shown[c] = true
			if proofs[c] == "" {
				t.Errorf("%s: nothing runs %q: add it to the table of proofs", b, c)
			}
		}
	}
	for command, proof := range proofs {
		if err := proven(proof); err != nil {
			t.Errorf("%q: %v", command, err)
		}
		if !shown[command] {
			t.Errorf("%q is in the table of proofs, but on no page", command)
		}
	}
}

// build compiles programs as packages of this module. They exist only in an overlay, so that the working tree stays
// as it is, and each is marked with the page and line it comes from, so that errors name those.
func build(t *testing.T, programs []block) (output []byte, err error) {
	t.Helper()
	if len(programs) == 0 {
		return nil, nil
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		return nil, err
	}
	dir := t.TempDir()
	replace := map[string]string{}
	args := []string{"build", "-gcflags=-e", "-o", os.DevNull, "-overlay", filepath.Join(dir, "overlay.json")}
	for i, b := range programs {
		name := fmt.Sprintf("program%d", i)
		file := filepath.Join(dir, name+".go")
		text := fmt.Sprintf("//line %s:%d\n%s\n", b.page, b.line, strings.Join(b.lines, "\n"))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return nil, err
		}
		replace[filepath.Join(root, "internal", "doctest", "testdata", name, "main.go")] = file
		args = append(args, "./internal/doctest/testdata/"+name)
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), text, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	return cmd.CombinedOutput()
}
