package doctest_test

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// capabilities says what of a package must be shown in an Example that runs. A package without a row has no capabilities
// but the constructors of seals, which count wherever they are.
var capabilities = map[string]struct {
	funcs  bool   // every function
	method string // every type that has this method; interfaces only ask for it
}{
	"crdt":        {method: "Merge"}, // lattices
	"crdt/sketch": {method: "Merge"},
	"crdt/exact":  {method: "Merge"},
	"operators":   {funcs: true},
	"sinks":       {method: "Open"}, // destinations
	"pipeline":    {},
}

func TestEveryCapabilityIsShown(t *testing.T) {
	t.Parallel()
	for name, c := range capabilities {
		p, err := documented(os.DirFS("../.."), name)
		if err != nil {
			t.Fatal(err)
		}
		shown, missing := exampled(p)
		for _, what := range missing {
			t.Errorf("%s.%s has no Example with an output: add Example%s or Example%s_suffix", name, what, what, what)
		}
		if (c.funcs || c.method != "") && len(shown)+len(missing) == 0 {
			t.Errorf("no capability was found in %s: this test does not look at the package", name)
		}
	}
}

// documented reads what is exported by the package in a directory, and its examples.
func documented(root fs.FS, dir string) (*doc.Package, error) {
	names, err := fs.Glob(root, path.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(fset, name, text, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return doc.NewFromFiles(fset, files, "example.com/"+dir)
}

// exampled sorts the capabilities of a package into those that an Example with an output shows, and the others.
func exampled(p *doc.Package) (shown, missing []string) {
	put := func(name string, examples []*doc.Example) {
		if slices.ContainsFunc(examples, func(e *doc.Example) bool { return e.Output != "" || e.EmptyOutput }) {
			shown = append(shown, name)
		} else {
			missing = append(missing, name)
		}
	}
	c := capabilities[strings.TrimPrefix(p.ImportPath, "example.com/")]
	funcs := p.Funcs
	for _, typ := range p.Types {
		funcs = append(funcs, typ.Funcs...) // go doc lists a function under the type that it returns
		if c.method != "" && slices.ContainsFunc(typ.Methods, func(m *doc.Func) bool { return m.Name == c.method }) {
			put(typ.Name, typ.Examples)
		}
	}
	for _, f := range funcs {
		if c.funcs || returns(f.Decl, "Sealing") {
			put(f.Name, f.Examples)
		}
	}
	return shown, missing
}

// returns says whether a function has a result of the named type, from whatever package.
func returns(f *ast.FuncDecl, name string) bool {
	return f.Type.Results != nil && slices.ContainsFunc(f.Type.Results.List, func(result *ast.Field) bool {
		switch typ := result.Type.(type) {
		case *ast.Ident:
			return typ.Name == name
		case *ast.SelectorExpr:
			return typ.Sel.Name == name
		}
		return false
	})
}

func TestMissingExamplesAreFound(t *testing.T) {
	t.Parallel()
	const tests = `package %s_test

func ExampleShown() {
	// Output: x
}

func ExampleOnce_again() {
	// Output:
}

func ExampleMute() {}
`
	for name, c := range map[string]struct{ source, shown, missing string }{
		"operators": {
			"type T struct{}\n\nfunc Shown() {}\n\nfunc Once() T { return T{} }\n\nfunc Mute() {}\n\nfunc Bare() T { return T{} }\n\nfunc quiet() {}",
			"Once Shown", "Bare Mute",
		},
		"crdt": {
			"type Shown[T any] struct{}\n\nfunc (*Shown[T]) Merge() {}\n\ntype Mute int\n\nfunc (Mute) Merge() {}\n\ntype Once int\n\nfunc Bare() {}\n\ntype L interface{ Merge() }",
			"Shown", "Mute",
		},
		"sinks": {
			"type Once struct{}\n\nfunc (*Once) Open() {}\n\ntype Bare int\n\nfunc (Bare) Open() {}\n\ntype Mute int\n\nfunc (Mute) Merge() {}",
			"Once", "Bare",
		},
		"pipeline": {
			"func Shown() operators.Sealing { return x }\n\nfunc Bare() (operators.Sealing, error) { return x, nil }\n\nfunc Mute() int { return 0 }",
			"Shown", "Bare",
		},
	} {
		p, err := documented(fstest.MapFS{
			name + "/a.go":            {Data: []byte("package " + name + "\n\n" + c.source + "\n")},
			name + "/example_test.go": {Data: fmt.Appendf(nil, tests, name)},
		}, name)
		if err != nil {
			t.Fatal(err)
		}
		shown, missing := exampled(p)
		slices.Sort(shown)
		slices.Sort(missing)
		if got := strings.Join(shown, " "); got != c.shown {
			t.Errorf("%s: %q are shown, want %q", name, got, c.shown)
		}
		if got := strings.Join(missing, " "); got != c.missing {
			t.Errorf("%s: %q are missing, want %q", name, got, c.missing)
		}
	}
}
