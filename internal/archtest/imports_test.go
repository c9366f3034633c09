package archtest_test

import (
	"fmt"
	"go/ast"
	"path"
	"strconv"
	"strings"
)

// checkImports returns what breaks the table of rooms.
func checkImports(t *tree, rooms []room) (problems []string) {
	for _, f := range t.files {
		r := roomOf(rooms, f.dir)
		if r == nil {
			problems = append(problems, fmt.Sprintf("%s: package %s has no row in the table of rooms", f.path, f.dir))
			continue
		}
		for _, spec := range f.ast.Imports {
			name := importPath(spec)
			if !allowed(r, f, name) {
				problems = append(problems, fmt.Sprintf("%s:%d: %s must not import %s: %s", f.path, t.line(spec), f.dir, name, r.why))
			}
		}
	}
	return problems
}

// roomOf finds the row with the longest place that matches; nil if there is none.
func roomOf(rooms []room, dir string) *room {
	var best *room
	longest := -1
	for i := range rooms {
		for _, place := range rooms[i].places {
			if matches(place, dir) && len(place) > longest {
				best, longest = &rooms[i], len(place)
			}
		}
	}
	return best
}

func allowed(r *room, f file, name string) bool {
	if name == module || strings.HasPrefix(name, module+"/") {
		name = ourPath(name)
		if f.test && name == f.dir {
			return true // an external test of the package
		}
	} else if first, _, _ := strings.Cut(name, "/"); !strings.Contains(first, ".") {
		return true // the standard library
	}
	return matchesAny(r.may, name) || f.test && (name == rapid || matchesAny(r.tests, name))
}

// ourPath turns an import path of ours into a directory.
func ourPath(name string) string {
	return path.Clean(strings.TrimPrefix(strings.TrimPrefix(name, module), "/"))
}

func importPath(spec *ast.ImportSpec) string {
	name, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return name
}
