package archtest_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// module is the import path of the repository.
const module = "github.com/calmstream/calmstream"

// file is one parsed Go file.
type file struct {
	path  string // from the root of the repository, with slashes
	dir   string // the same of its directory; "." is the root
	test  bool
	lines int
	ast   *ast.File
}

// helpsTests says that the file is test code: a test, or part of a package that serves tests only.
func (f file) helpsTests() bool { return f.test || strings.HasSuffix(f.dir, "test") }

// tree is the source of the repository.
type tree struct {
	fset  *token.FileSet
	files []file
}

// line says where a node begins.
func (t *tree) line(n ast.Node) int { return t.fset.Position(n.Pos()).Line }

// span is the number of lines that a node covers.
func (t *tree) span(n ast.Node) int { return t.fset.Position(n.End()).Line - t.line(n) + 1 }

// parseTree reads every Go file of the module: not testdata, not hidden folders, not modules inside it.
func parseTree(fsys fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet()}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && skipDir(fsys, name):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		return t.add(fsys, name)
	})
	return t, err
}

func skipDir(fsys fs.FS, name string) bool {
	base := path.Base(name)
	if base == "testdata" || base[0] == '.' || base[0] == '_' {
		return true
	}
	_, err := fs.Stat(fsys, path.Join(name, "go.mod"))
	return err == nil
}

func (t *tree) add(fsys fs.FS, name string) error {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(t.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.files = append(t.files, file{
		path:  name,
		dir:   path.Dir(name),
		test:  strings.HasSuffix(name, "_test.go"),
		lines: bytes.Count(text, []byte("\n")),
		ast:   parsed,
	})
	return nil
}

// matches says whether a path fits a pattern: itself, or with "/..." at the end, itself and all below.
func matches(pattern, name string) bool {
	if above, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == above || strings.HasPrefix(name, above+"/")
	}
	return name == pattern
}

// matchesAny says whether a path fits one of the patterns.
func matchesAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if matches(p, name) {
			return true
		}
	}
	return false
}
