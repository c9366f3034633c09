package archtest_test

import (
	"fmt"
	"go/ast"
	"maps"
	"path"
	"regexp"
	"strings"
)

// checkBans returns what breaks the bans in production code.
func checkBans(t *tree, bans []ban) (problems []string) {
	for _, f := range t.files {
		if f.helpsTests() {
			continue
		}
		for _, b := range bans {
			if b.places != nil && !matchesAny(b.places, f.dir) || matchesAny(b.except, f.dir) {
				continue
			}
			for _, n := range uses(f.ast, b.name) {
				problems = append(problems, fmt.Sprintf("%s:%d: %s in %s: %s", f.path, t.line(n), b.name, f.dir, b.why))
			}
		}
	}
	return problems
}

// uses finds where a file imports a package or mentions a function: also under another name, and also without calling it.
func uses(f *ast.File, name string) (found []ast.Node) {
	pkg, fn := name, ""
	if dir, base := path.Split(name); strings.Contains(base, ".") {
		before, after, _ := strings.Cut(base, ".")
		pkg, fn = dir+before, after
	}
	locals := map[string]bool{}
	for _, spec := range f.Imports {
		if importPath(spec) != pkg {
			continue
		}
		if fn == "" {
			found = append(found, spec)
		}
		locals[localName(spec)] = true
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if id, ok := n.X.(*ast.Ident); ok && fn != "" && locals[id.Name] && n.Sel.Name == fn {
				found = append(found, n)
			}
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == name || locals["."] && id.Name == fn) {
				found = append(found, n)
			}
		}
		return true
	})
	return found
}

var versionSuffix = regexp.MustCompile(`/v[0-9]+$`)

// localName is the name under which a file knows an import.
func localName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	return path.Base(versionSuffix.ReplaceAllString(importPath(spec), ""))
}

// checkSleeps returns every time.Sleep in test code. A sleep guesses how long something takes: too short on a slow
// machine, wasted on a fast one. Inside a synctest bubble the time is fake and a sleep
// is a step of the script, so there it is allowed.
func checkSleeps(t *tree) (problems []problem) {
	for _, f := range t.files {
		if !f.helpsTests() {
			continue
		}
		fake := bubbles(f.ast)
		for _, n := range uses(f.ast, "time.Sleep") {
			if !inside(n, fake) {
				problems = append(problems, problem{
					"sleep", f.path + ":" + enclosing(f.ast, n),
					fmt.Sprintf("%s:%d: time.Sleep in test code: wait for what you are waiting for", f.path, t.line(n)),
				})
			}
		}
	}
	return problems
}

// bubbles finds the calls of synctest.Test.
func bubbles(f *ast.File) (calls []ast.Node) {
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Test" {
				if id, ok := sel.X.(*ast.Ident); ok && id.Name == "synctest" {
					calls = append(calls, call)
				}
			}
		}
		return true
	})
	return calls
}

func inside(n ast.Node, outer []ast.Node) bool {
	for _, o := range outer {
		if o.Pos() <= n.Pos() && n.End() <= o.End() {
			return true
		}
	}
	return false
}

// checkSkips returns every call of Skip, SkipNow and Skipf on a parameter from package testing. A test that skips looks like one that passes.
func checkSkips(t *tree) (problems []problem) {
	for _, f := range t.files {
		for _, call := range skips(f.ast) {
			problems = append(problems, problem{
				"skip", f.path + ":" + enclosing(f.ast, call),
				fmt.Sprintf("%s:%d: a test that skips looks like one that passes: make it fail or run", f.path, t.line(call)),
			})
		}
	}
	return problems
}

func skips(f *ast.File) (calls []ast.Node) {
	walkSkips(f, nil, func(n ast.Node) { calls = append(calls, n) })
	return calls
}

// walkSkips knows which names are testers where it stands: a property test skips an action that does not
// apply with a *rapid.T of the same name, and that is its right.
func walkSkips(root ast.Node, testers map[string]bool, found func(ast.Node)) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body != nil {
				walkSkips(n.Body, withParams(testers, n.Type), found)
			}
			return false
		case *ast.FuncLit:
			walkSkips(n.Body, withParams(testers, n.Type), found)
			return false
		case *ast.SelectorExpr:
			id, ok := n.X.(*ast.Ident)
			if ok && testers[id.Name] && (n.Sel.Name == "Skip" || n.Sel.Name == "Skipf" || n.Sel.Name == "SkipNow") {
				found(n)
			}
		}
		return true
	})
}

// withParams adds the parameters of a function, which hide those of the functions around it.
func withParams(testers map[string]bool, fn *ast.FuncType) map[string]bool {
	inner := map[string]bool{}
	maps.Copy(inner, testers)
	for _, field := range fn.Params.List {
		for _, name := range field.Names {
			inner[name.Name] = isTester(field.Type)
		}
	}
	return inner
}

// isTester says whether a type is *testing.T, *testing.B, *testing.F or testing.TB.
func isTester(expr ast.Expr) bool {
	if star, ok := expr.(*ast.StarExpr); ok {
		expr = star.X
	}
	sel, ok := expr.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Name == "testing"
}

// enclosing names the top-level function that a node stands in; "" if it stands in none.
func enclosing(f *ast.File, n ast.Node) string {
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Pos() <= n.Pos() && n.End() <= fn.End() {
			return fn.Name.Name
		}
	}
	return ""
}
