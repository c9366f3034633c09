package archtest_test

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// problem is a broken rule that the table of exceptions may excuse.
type problem struct {
	rule, where string // together the key of the table
	text        string
}

// excuse drops the problems that the table excuses and adds the rows that excuse nothing.
func excuse(problems []problem, exceptions map[string]string) (left []string) {
	used := map[string]bool{}
	for _, p := range problems {
		key := p.rule + " " + p.where
		if exceptions[key] == "" {
			left = append(left, fmt.Sprintf("%s (to excuse it: %q)", p.text, key))
		}
		used[key] = true
	}
	for key := range exceptions {
		if !used[key] {
			left = append(left, fmt.Sprintf("the exception %q excuses nothing: remove it", key))
		}
	}
	slices.Sort(left)
	return left
}

// checkLengths returns the files and functions that are too long.
func checkLengths(t *tree) (problems []problem) {
	for _, f := range t.files {
		if f.lines > maxFileLines {
			problems = append(problems, problem{
				"file-length", f.path,
				fmt.Sprintf("%s has %d lines, at most %d: a file holds one noun or one verb", f.path, f.lines, maxFileLines),
			})
		}
		if f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && t.span(fn) > maxFuncLines {
				problems = append(problems, problem{
					"func-length", f.path + ":" + fn.Name.Name,
					fmt.Sprintf("%s:%d: %s has %d lines, at most %d", f.path, t.line(fn), fn.Name.Name, t.span(fn), maxFuncLines),
				})
			}
		}
	}
	return problems
}

// checkPackageComments returns the packages without a package comment in a file that go doc reads.
func checkPackageComments(t *tree) (problems []string) {
	documented := map[string]bool{}
	var dirs []string
	for _, f := range t.files {
		if !slices.Contains(dirs, f.dir) {
			dirs = append(dirs, f.dir)
		}
		want := "Package " + f.ast.Name.Name + " "
		if f.ast.Name.Name == "main" {
			want = "Command "
		}
		if !f.test && strings.HasPrefix(f.ast.Doc.Text(), want) {
			documented[f.dir] = true
		}
	}
	for _, dir := range dirs {
		if !documented[dir] {
			problems = append(problems, fmt.Sprintf("%s has no package comment (\"Package x ...\", or \"Command x ...\" for a main package)", dir))
		}
	}
	return problems
}
